/** `pigeonhole command ARG...`: one Redis command, sent to the running node; the reply as redis-cli prints it. */
import type { CommandModule } from 'yargs';
import { parsing, withPlace } from './flags.js';
import { findTarget, reach } from './reach.js';
import { replyText } from './reply-text.js';
import { ControlError } from '../control/place.js';

/** What is no flag of ours belongs to the Redis command. */
const ARGUMENTS_FOLLOW = { ...parsing, 'unknown-options-as-args': true, 'duplicate-arguments-array': true };
/** After these, replies come until somebody ends it. */
const STREAMS = new Set(['monitor', 'subscribe', 'psubscribe', 'ssubscribe']);

export const command: CommandModule<object, Record<string, unknown>> = {
  command: 'command [args..]',
  describe: 'Send one Redis command to the running node and print the reply',
  builder: (yargs) => withPlace(yargs.parserConfiguration(ARGUMENTS_FOLLOW).help(false)),
  handler: async (flags) => {
    const args = (flags._ as readonly unknown[]).slice(1).map(String);
    if (args.length === 0) throw new ControlError('command wants a Redis command: command GET key');
    const client = await reach(await findTarget(flags));
    const print = (reply: Buffer): void => {
      process.stdout.write(replyText(reply, args, process.stdout.isTTY));
      if (reply[0] === MINUS) process.exitCode = 1;
    };
    print(await client.askRaw(args));
    try {
      while (STREAMS.has(args[0]!.toLowerCase())) print(await client.next());
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      console.error(error.message);
      process.exitCode = 1;
    }
    client.close();
  },
};

const MINUS = 45;
