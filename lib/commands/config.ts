/** CONFIG: reads and changes the settings of a running node. */
import { helpHandler } from './help.js';
import { rewriteConfigFile } from './config-rewrite.js';
import type { Context } from './context.js';
import { mayDoProtected } from './protected.js';
import type { CommandSpec, Flag, Handler } from './spec.js';
import { SettingError, Settings } from '../config/settings.js';
import type { SettingSpec } from '../config/settings.js';
import { CommandError, syntaxError, unknownSetting } from '../errors.js';
import type { Args } from '../protocol/args.js';
import { sliceOf } from '../util/bytes.js';
import { matchesGlob } from '../util/glob.js';

const get: Handler = ({ node }, args, reply) => {
  const found = new Map<string, string>();
  const add = (name: string, spec: SettingSpec | undefined): void => {
    const key = name.toLowerCase();
    if (spec !== undefined && !found.has(key)) found.set(key, name);
  };
  for (let i = 2; i < args.count; i++) {
    const pattern = args.text(i);
    // A name is printed as it was asked for.
    if (!/[*?[]/.test(pattern)) add(pattern, Settings.spec(pattern));
    else for (const name of namesLike(args, i)) add(name, Settings.spec(name));
  }
  reply.map(found.size);
  for (const [key, name] of found) {
    reply.bulkText(name);
    const value = node.settings.text(key);
    reply.bulkText(Settings.spec(key)?.show?.(value) ?? value);
  }
};

function namesLike(args: Args, index: number): string[] {
  return [...Settings.names].filter((name) => matchesGlob(args.slice(index), sliceOf(name), true));
}

/**
 * All or nothing: every name and value is checked before the first is changed. What switches the append log on has its
 * reply when the log is there. Source: configSetCommand().
 */
const set: Handler = (context, args, reply) => {
  const { node } = context;
  if (args.count % 2 === 1) throw syntaxError();
  const given = new Map<string, string>();
  for (let i = 2; i < args.count; i += 2) {
    const name = args.text(i);
    checkChangeable(context, name);
    if (given.has(name.toLowerCase())) throw refused(name, 'duplicate parameter');
    given.set(name.toLowerCase(), args.text(i + 1));
  }
  const before = [...given.keys()].map((name) => [name, node.settings.text(name)] as const);
  try {
    node.settings.setAll([...given]);
  } catch (error) {
    if (error instanceof SettingError) throw refused(error.setting, error.reason);
    throw error;
  }
  const { switchingOn } = node.appendLog;
  if (!given.has('appendonly') || switchingOn === undefined || !context.mayWait) return reply.ok();
  const deferred = context.defer(true);
  switchingOn.then(
    () => deferred.complete([Buffer.from('+OK\r\n')]),
    (error: unknown) => {
      node.settings.setAll(before);
      const reason = `Unable to turn on AOF. Check server logs: ${error instanceof Error ? error.message : String(error)}`;
      deferred.complete([Buffer.from(`-${refused('appendonly', reason).message}\r\n`)]);
    },
  );
};

function checkChangeable(context: Context, name: string): void {
  const spec = Settings.spec(name);
  if (spec === undefined) {
    throw unknownSetting(name);
  }
  if (!spec.isMutable) throw refused(name, "can't set immutable config");
  const isAllowed = spec.isProtected !== true || mayDoProtected(context, 'enable-protected-configs');
  if (!isAllowed) throw refused(name, "can't set protected config");
}

function refused(name: string, reason: string): CommandError {
  return new CommandError(`ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`);
}

const resetstat: Handler = ({ node, store }, _args, reply) => {
  node.stats.reset();
  for (const command of node.table.commands) command.resetStats();
  store.resetStats();
  node.maxMemory.resetStats();
  reply.ok();
};

const rewrite: Handler = ({ node }, _args, reply) => {
  if (node.configFile === undefined) throw new CommandError('ERR The server is running without a config file');
  rewriteConfigFile(node.configFile, node.settings);
  node.log.info(`CONFIG REWRITE: wrote ${node.configFile}`);
  reply.ok();
};

const help = helpHandler('CONFIG', [
  'GET <pattern>',
  '    Return parameters matching the glob-like <pattern> and their values.',
  'SET <directive> <value>',
  '    Set the configuration <directive> to <value>.',
  'RESETSTAT',
  '    Reset statistics reported by the INFO command.',
  'REWRITE',
  '    Rewrite the configuration file.',
]);

const ADMIN: readonly Flag[] = ['admin', 'noscript', 'loading', 'stale'];
const common = { categories: [], routing: 'local', group: 'server' } as const;

export const configCommands: readonly CommandSpec[] = [
  {
    ...common, name: 'config', arity: -2, flags: [], since: '2.0.0', complexity: 'Depends on subcommand.',
    summary: 'Reads and changes settings.',
    subcommands: [
      {
        ...common, name: 'get', arity: -3, flags: ADMIN, since: '2.0.0',
        complexity: 'O(N) when N is the number of configuration parameters provided',
        summary: 'Gives the settings whose names match one of the patterns.', syntax: 'parameter [parameter ...]',
        history: [['7.0.0', 'Added the ability to pass multiple pattern parameters in one call']], handler: get,
      },
      {
        ...common, name: 'help', arity: 2, flags: ['loading', 'stale'], since: '5.0.0', complexity: 'O(1)',
        summary: 'Lists what CONFIG can do.', handler: help,
      },
      {
        ...common, name: 'resetstat', arity: 2, flags: ADMIN, since: '2.0.0', complexity: 'O(1)',
        summary: 'Sets the counters that INFO shows back to zero.', handler: resetstat,
      },
      {
        ...common, name: 'rewrite', arity: 2, flags: ADMIN, since: '2.8.0', complexity: 'O(1)',
        summary: 'Writes the settings in force into the config file.', handler: rewrite,
      },
      {
        ...common, name: 'set', arity: -4, flags: ADMIN, since: '2.0.0',
        tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        complexity: 'O(N) when N is the number of configuration parameters provided',
        summary: 'Changes settings, all of them or none.', syntax: 'parameter value [parameter value ...]',
        history: [['7.0.0', 'Added the ability to set multiple parameters in one call.']], handler: set,
      },
    ],
  },
];
