/**
 * The command record: the whole truth about one command. COMMAND and COMMAND DOCS, the arity check, the router and
 * the documentation all read it. Each family's file exports its records; commands/table.ts gathers them.
 */
import type { Context } from './context.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';

export type Handler = (context: Context, args: Args, reply: ReplyWriter) => void;

/** Upstream's words for what a command is and may do; `COMMAND INFO` lists them. */
export type Flag =
  | 'write' | 'readonly' | 'denyoom' | 'admin' | 'pubsub' | 'noscript' | 'blocking' | 'loading' | 'stale'
  | 'skip_monitor' | 'skip_slowlog' | 'asking' | 'fast' | 'no_auth' | 'sentinel' | 'no_mandatory_keys'
  | 'movablekeys' | 'no_async_loading' | 'no_multi' | 'allow_busy' | 'protected';

/** Where keys stand in a request. */
export interface KeySpec {
  /** Upstream's words in upstream's order, for example `RO access` or `RW access update`. */
  flags: string;
  /**
   * The first key: at a position, or behind a word that is looked for from a position on (negative: from the end).
   * Unknown where only the command's own code can tell (see commands/key-positions.ts).
   */
  begin: number | { keyword: string; from: number } | 'unknown';
  /**
   * The other keys. A range: `last` is relative to the first key, or, when negative, counted from the end of the
   * request; of every `step` arguments one is a key; `limit` n keeps only the n-th part. Or a number of keys that the
   * request itself says: `count` is the place of that number, `first` that of the first key, both relative to `begin`.
   */
  find: { last: number; step: number; limit: number } | { count: number; first: number; step: number } | 'unknown';
  notes?: string;
}

/** How a command is routed over several shards. The words are those of upstream's command tips. */
export type Routing =
  /** Runs on the node that the client asked: it concerns the connection or the node. */
  | 'local'
  /** All keys must be on one shard. */
  | 'one_shard'
  /** Keys are split by shard and the replies merged by `merge`. */
  | 'multi_shard'
  /** Every shard is asked and the replies merged by `merge`. */
  | 'all_shards'
  /** Has code of its own in cluster/. */
  | 'special';

export type Merge = 'by_key' | 'agg_sum' | 'all_succeeded' | 'concat';

export interface CommandSpec {
  /** In lower case; a subcommand's is its own word alone. */
  name: string;
  /** How many arguments, the name (and the container's) included; negative: at least so many. */
  arity: number;
  flags: readonly Flag[];
  keys?: readonly KeySpec[];
  /** ACL categories that do not follow from the flags, without the @, in upstream's order. */
  categories: readonly string[];
  /**
   * Upstream's command tips as COMMAND INFO prints them. Left out, they are the policies that `routing` and `merge`
   * stand for; so a record has them where there are others, or where upstream routes in another way than we.
   */
  tips?: readonly string[];
  routing?: Routing;
  merge?: Merge;
  group: string;
  since: string;
  /** Upstream's words; empty where it has none. */
  complexity: string;
  summary: string;
  /** The arguments as a person reads them; see commands/syntax.ts. */
  syntax?: string;
  deprecated?: { since: string; replacedBy: string };
  history?: readonly (readonly [since: string, change: string])[];
  /** Upstream's flag of this name, which COMMAND INFO leaves out: a pause of writes holds it, though it is no write. */
  mayReplicate?: boolean;
  /** Its reply may take long, and what others asked must not wait for it; upstream does not flag it `blocking`. */
  mayWait?: boolean;
  /** For the system's own use, not for applications. */
  isSystem?: boolean;
  /** A container has none, its subcommands have, unless its name alone is a command too (COMMAND). */
  handler?: Handler;
  subcommands?: readonly CommandSpec[];
}

/** One key at `begin`. */
export function oneKey(flags: string, begin = 1, notes?: string): KeySpec[] {
  return [{ flags, begin, find: { last: 0, step: 1, limit: 0 }, ...(notes !== undefined && { notes }) }];
}

/** Keys from `begin` to the end, or up to `last` (negative: from the end), every `step` arguments. */
export function keyRange(flags: string, begin = 1, last = -1, step = 1): KeySpec[] {
  return [{ flags, begin, find: { last, step, limit: 0 } }];
}
