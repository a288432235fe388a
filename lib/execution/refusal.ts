/** The one place where an error becomes a reply: of requests (execute.ts), of commands that waited (blocking.ts). */
import type { NodeState } from './node-state.js';
import type { Command } from '../commands/table.js';
import { CommandError, outOfMemory } from '../errors.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { OutOfArena } from '../store/arena.js';

/** Writes the error reply, and counts it; `command` is undefined when none was admitted. */
export function writeError(node: NodeState, error: unknown, command: Command | undefined, reply: ReplyWriter): void {
  let known = error instanceof OutOfArena ? outOfMemory() : error;
  if (!(known instanceof CommandError)) {
    const stack = error instanceof Error ? error.stack : String(error);
    node.log.error(`Internal error in ${command?.fullName ?? 'a request'}, please report it: ${stack}`);
    known = new CommandError('ERR internal error');
  }
  const { message, code } = known as CommandError;
  reply.error(message);
  node.stats.countError(code);
  if (command !== undefined) command.failedCalls++;
}
