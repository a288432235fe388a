/**
 * `pigeonhole remote`: a shell on the running node. The REPL of Node.js runs here, where the terminal is, with its
 * history, its editing and its multi-line input; what is typed is evaluated, and completed, in the node.
 */
import type { REPLServer } from 'node:repl';
import type { Context } from 'node:vm';
import { showing } from './expression.js';
import { findTarget, reach } from './reach.js';
import { withPlace } from './flags.js';
import type { CommandModule } from 'yargs';
import type { ControlClient } from '../control/control-client.js';
import { ControlError } from '../control/place.js';
import type { Outcome } from '../control/scope.js';

export const remote: CommandModule<object, Record<string, unknown>> = {
  command: 'remote',
  describe: 'Open a shell on the running node; leaving it leaves the node running',
  builder: withPlace,
  handler: async (flags) => {
    const target = await findTarget(flags);
    const client = await reach(target);
    const { name, historyFile } = target.place;
    console.log(`Shell on ${name}, process ${client.pid}. help shows what is in scope, .exit or Ctrl-D leaves.`);
    await openShell(client, name, historyFile);
  },
};

/** Resolves when the shell has been opened; it ends the process. */
async function openShell(client: ControlClient, name: string, historyFile: string): Promise<void> {
  const { start } = await import('node:repl');
  /** What was typed is evaluated in its order, also when it comes faster. */
  let last: Promise<void> = Promise.resolve();
  /** The lines of an expression that is to go on. The REPL's own memory of them lags behind lines that come at once. */
  let begun = '';
  const prompt = `${name}> `;
  const goOn = (code: string): void => {
    begun = code;
    shell.setPrompt(code === '' ? prompt : '... ');
  };
  const evaluate = async (code: string): Promise<Outcome> => {
    const { isColoured, columns } = showing();
    const request = ['CONTROL', 'EVALUATE', code, String(columns), isColoured ? '1' : '0'];
    const [kind, text, ...printed] = (await client.ask(...request)) as [Outcome['kind'], string, ...string[]];
    for (let i = 1; i < printed.length; i += 2) process.stdout.write(printed[i]!);
    return { kind, text };
  };
  const evaluateLine = async (line: string): Promise<string | undefined> => {
    const code = begun + line;
    const { kind, text } = await evaluate(code.replace(/\n$/, ''));
    goOn(kind === 'incomplete' ? code : '');
    return kind === 'error' ? `Uncaught ${text}` : kind === 'value' ? text : undefined;
  };
  const shell: REPLServer = start({
    prompt,
    ignoreUndefined: true,
    preview: false,
    writer: String,
    eval: (line: string, _context: Context, _file: string, done) => {
      last = last.then(() => evaluateLine(line)).then((shown) => done(null, shown), () => undefined);
    },
    completer: (line: string, done: (error: null, result: [string[], string]) => void) => {
      client.ask('CONTROL', 'COMPLETE', line).then(
        (reply) => {
          const [part, ...completions] = reply as [string, ...string[]];
          done(null, [completions, part]);
        },
        () => done(null, [[], line]),
      );
    },
  });
  shell.setupHistory(historyFile, () => undefined);
  shell.defineCommand('help', {
    help: 'Print what is in scope, and these commands',
    action: () => void printHelp(shell, client),
  });
  shell.defineCommand('break', {
    help: 'Forget the lines of an expression that is not whole yet; so does Ctrl-C',
    action: () => {
      goOn('');
      shell.displayPrompt();
    },
  });
  shell.prependListener('SIGINT', () => goOn(''));
  const above = (text: string): void => {
    process.stdout.write(process.stdout.isTTY ? `\r\x1b[K${text}` : text);
    shell.displayPrompt(true);
  };
  client.onOutput = (_stream, text) => above(text);
  // The log of a node that was started with the shell.
  process.on('message', (line) => above(String(line)));
  shell.once('exit', () => void last.then(() => process.exit()));
  await client.closed;
  console.error(`\n${name} has gone`);
  process.exit(1);
}

async function printHelp(shell: REPLServer, client: ControlClient): Promise<void> {
  const { columns } = showing();
  try {
    const [, text] = (await client.ask('CONTROL', 'EVALUATE', 'help', String(columns), '0')) as [string, string];
    const commands = Object.entries(shell.commands).map(([name, known]) => `  .${name.padEnd(8)} ${known?.help ?? ''}`);
    process.stdout.write(`${text}\n\nCommands of the shell:\n${commands.join('\n')}\n`);
    shell.displayPrompt();
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
  }
}
