/** Where our commands are meant to differ from redis-server's. test/commands/records.ts reads it. */

/** Commands that redis-server 7.0 does not have: ours, and some that later ones have and client libraries send. */
export const OURS: readonly string[] = [
  'bucket', 'shard', 'client|no-touch', 'client|setinfo',
  // Fields that expire, of Redis 7.4 and 8.0.
  'hexpire', 'hpexpire', 'hexpireat', 'hpexpireat', 'httl', 'hpttl', 'hexpiretime', 'hpexpiretime', 'hpersist',
  'hgetdel', 'hgetex', 'hsetex',
];

/** Which command, which field of COMMAND INFO (or `docs` and a field of COMMAND DOCS), and why. */
export const ACCEPTED: readonly (readonly [command: string, field: string, reason: string])[] = [
  ['client', 'subcommands', 'no CACHING, TRACKING and UNBLOCK; NO-TOUCH and SETINFO are of redis-server 7.2'],
  ['client', 'docs subcommands', 'as above'],
  ['flushall', 'docs complexity', 'memory is freed in the background'],
  ['flushdb', 'docs complexity', 'memory is freed in the background'],
  ['del', 'docs complexity', 'memory is freed in the background'],
  ['unlink', 'docs complexity', 'memory is freed in the background, by the same thread'],
  ['swapdb', 'docs complexity', 'watching and waiting clients are asked by key'],
  ['rename', 'docs complexity', 'a value is kept in one piece with its key'],
  ['renamenx', 'docs complexity', 'as above'],
  ['zrank', 'arity', 'takes WITHSCORE, as redis-server 7.2 does'],
  ['zrank', 'docs arguments', 'as above'],
  ['zrank', 'docs history', 'as above'],
  ['zrevrank', 'arity', 'takes WITHSCORE, as redis-server 7.2 does'],
  ['zrevrank', 'docs arguments', 'as above'],
  ['zrevrank', 'docs history', 'as above'],
];
