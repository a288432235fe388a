/**
 * `pigeonhole start_console`: runs a node in the foreground with a shell on the terminal. The shell is `remote` in a
 * process of its own, which also shows the node's log, above what is being typed. Leaving it stops the node.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { CommandModule } from 'yargs';
import { thisProgram } from './background.js';
import { withSettings } from './flags.js';
import { openLog, readingAgain, runNode } from './run-node.js';
import type { Settings } from '../config/settings.js';
import { ConfigError } from '../config/sources.js';
import type { Log } from '../util/log.js';

export const startConsole: CommandModule<object, Record<string, unknown>> = {
  command: 'start_console',
  describe: 'Run a node in the foreground with a shell on the terminal; leaving the shell stops it',
  builder: withSettings,
  handler: async (flags) => {
    const terminal: { shell?: ChildProcess } = {};
    const show = (line: string): void => {
      if (terminal.shell?.connected === true) terminal.shell.send(line);
      else process.stdout.write(line);
    };
    const openShownLog = (settings: Settings): Log => openLog(settings, show);
    // Ctrl-C is the shell's.
    const leaveToShell = (): void => undefined;
    const node = await runNode({ load: readingAgain(flags), openLog: openShownLog, heartPid: 0 }, leaveToShell);
    if (node.place.socket === '') throw new ConfigError('start_console needs a control socket: set control-socket');
    const { name, socket } = node.place;
    const [program, ...args] = [...thisProgram(), 'remote', `--node=${name}`, `--control-socket=${socket}`];
    terminal.shell = spawn(program, args, {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, PIGEONHOLE_COOKIE: node.cookie },
    });
    terminal.shell.once('exit', () => void node.stop('the shell was left'));
  },
};
