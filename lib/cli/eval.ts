/** `pigeonhole eval EXPRESSION`: evaluates an expression in a fresh process, with a node that opens no port. */
import type { CommandModule } from 'yargs';
import { printOutcome, showing } from './expression.js';
import { loadRequest, withSettings } from './flags.js';
import { loadSettings } from '../config/load.js';
import { Node } from '../server.js';
import { Log } from '../util/log.js';

export const evaluate: CommandModule<object, Record<string, unknown>> = {
  command: 'eval <expression>',
  describe: 'Evaluate an expression in a fresh process with a node that opens no port, and print its value',
  builder: withSettings,
  handler: async (flags) => {
    const { settings, configFile } = await loadSettings(loadRequest(flags));
    const node = new Node({ settings, configFile, log: new Log((line) => process.stderr.write(line)) });
    const { Scope } = await import('../control/scope.js');
    const scope = new Scope(() => node, (stream, text) => process[stream].write(text));
    printOutcome(await scope.evaluate(String(flags.expression), showing()));
    await node.stop();
    process.exit();
  },
};
