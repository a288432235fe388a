/**
 * `pigeonhole start_console`: runs a node in the foreground with a shell on the terminal. The shell is `remote` in a
 * process of its own, which also shows the node's log, above what is being typed. Leaving it stops the node.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { CommandModule } from 'yargs';
import { thisProgram } from './background.js';
import { withSettings } from './flags.js';
import { openLog, readingAgain, runNode } from './run-node.js';
import { ConfigError } from '../config/sources.js';

export const startConsole: CommandModule<object, Record<string, unknown>> = {
  command: 'start_console',
  describe: 'Run a node in the foreground with a shell on the terminal; leaving the shell stops it',
  builder: withSettings,
  handler: async (flags) => {
    let shell: ChildProcess | undefined;
    const show = (line: string): void => {
      if (shell?.connected === true) shell.send(line);
      else process.stdout.write(line);
    };
    const node = await runNode({ load: readingAgain(flags), openLog: (settings) => openLog(settings, show), heartPid: 0 });
    if (node.place.socket === '') throw new ConfigError('start_console needs a control socket: set control-socket');
    const { name, socket } = node.place;
    shell = spawn(thisProgram()[0]!, [...thisProgram().slice(1), 'remote', `--node=${name}`, `--control-socket=${socket}`], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, PIGEONHOLE_COOKIE: node.cookie },
    });
    shell.once('exit', () => node.stop('the shell was left'));
    process.on('SIGTERM', () => node.stop('SIGTERM'));
    // Ctrl-C is the shell's.
    process.on('SIGINT', () => undefined);
  },
};
