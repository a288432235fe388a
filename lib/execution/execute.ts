/**
 * The one gate: every request, from whatever listener, is run here. It finds the command, checks what must be checked
 * before any command, lets the router send it elsewhere, runs the handler, and turns a thrown CommandError into the
 * reply. It is the only such place.
 */
import type { Session } from './session.js';
import { mustAuthenticate } from '../commands/authentication.js';
import type { Command, CommandTable } from '../commands/table.js';
import { CommandError, noAuth, unknownCommand, unknownSubcommand, wrongArity } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import type { Stats } from '../util/stats.js';

/** Sends requests that are not (only) for this node to where they belong; see cluster/router.ts. */
export interface Router {
  /** True when the request has been taken care of; false when it is to be run here. */
  route(session: Session, command: Command, args: Args, reply: ReplyWriter): boolean;
}

export class Executor {
  router: Router | undefined;

  constructor(
    readonly table: CommandTable,
    private readonly stats: Stats,
  ) {}

  /** Runs one request and writes its reply. */
  execute(session: Session, args: Args, reply: ReplyWriter): void {
    const mark = reply.length;
    let command: Command | undefined;
    try {
      command = this.resolve(args);
      if (!session.isAuthenticated && !command.isAllowedUnauthenticated && mustAuthenticate(session)) throw noAuth();
      command.calls++;
      this.stats.commandsProcessed++;
      if (this.router?.route(session, command, args, reply)) return;
      command.handler!(session, args, reply);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      reply.rewind(mark);
      reply.error(error.message);
      this.stats.countError(error.code);
    }
  }

  /** The command that a request means, down to its subcommand, with the right number of arguments. */
  private resolve(args: Args): Command {
    let command = this.table.find(args);
    if (command === undefined) throw unknownCommand(args.text(0), argumentTexts(args));
    if (command.subcommands !== undefined && args.count > 1) {
      const found = command.subcommands.get(args.text(1).toLowerCase());
      if (found === undefined) throw unknownSubcommand(args.text(1), command.name);
      command = found;
    }
    if (!command.takes(args.count) || command.handler === undefined) throw wrongArity(command.fullName);
    return command;
  }
}

function argumentTexts(args: Args): string[] {
  const texts: string[] = [];
  for (let i = 1; i < args.count && i <= 128; i++) texts.push(args.text(i));
  return texts;
}
