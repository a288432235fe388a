/** Where our commands are meant to differ from redis-server's. test/commands/records.ts reads it. */

/** Commands that redis-server does not have. */
export const OURS: readonly string[] = ['bucket', 'shard'];

/** Which command, which field of COMMAND INFO (or `docs` and a field of COMMAND DOCS), and why. */
export const ACCEPTED: readonly (readonly [command: string, field: string, reason: string])[] = [
  ['flushall', 'docs complexity', 'memory is freed in the background'],
  ['flushdb', 'docs complexity', 'memory is freed in the background'],
];
