/**
 * Where the keys of a request stand. Most commands have one key or a run of them; for these the command table keeps
 * first key, last key and step ready (`Command.firstKey`, ...), and the router needs no more. This file is for the
 * others (keys behind a word, or as many as an argument says), and for COMMAND GETKEYS.
 *
 * Source: getKeysUsingKeySpecs(), getKeysFromCommandWithSpecs() and populateCommandLegacyRangeSpec() in redis's db.c
 * and server.c.
 */
import type { KeySpec } from './spec.js';
import type { Command } from './table.js';
import type { Args } from '../protocol/args.js';
import { parseShortInteger } from '../util/numbers.js';

/** The keys of one request. Filled anew by every `findKeys`. */
export class KeyPositions {
  count = 0;
  /** Indexes of arguments; valid up to `count`. */
  readonly positions: number[] = [];
  /** For each key upstream's words for what is done to it. */
  readonly flags: string[] = [];

  add(position: number, flags: string): void {
    this.positions[this.count] = position;
    this.flags[this.count++] = flags;
  }
}

/**
 * The positions of all keys of a request that has the right number of arguments, in the order of the key specs.
 * False when they cannot be told because its arguments are wrong; `into` is empty then.
 */
export function findKeys(command: Command, args: Args, into: KeyPositions): boolean {
  into.count = 0;
  const special = SPECIAL[command.fullName];
  if (special !== undefined) return special(args, into);
  for (const spec of command.spec.keys ?? []) {
    if (isForKeys(spec) && !addKeys(spec, args, into)) {
      into.count = 0;
      return false;
    }
  }
  return true;
}

/** Whether a request of this command can have keys. */
export function hasKeys(command: Command): boolean {
  return command.spec.keys?.some(isForKeys) ?? false;
}

/** Channels of sharded publish and subscribe are routed as keys are, and are none. */
function isForKeys(spec: KeySpec): boolean {
  return !spec.flags.includes('not_key');
}

/** False when the arguments are wrong. A word that is not there is no mistake: then there are no keys behind it. */
function addKeys({ begin, find, flags }: KeySpec, args: Args, into: KeyPositions): boolean {
  if (begin === 'unknown' || find === 'unknown') return false;
  let first = typeof begin === 'number' ? begin : positionBehind(args, begin.keyword, begin.from);
  if (first === 0) return true;
  let last: number;
  if ('count' in find) {
    const at = first + find.count;
    const count = at < args.count ? parseShortInteger(args.bytes, args.offsets[at]!, args.lengths[at]!) : NaN;
    if (!(count >= 0)) return false;
    first += find.first;
    last = first + count - 1;
  } else if (find.last >= 0) last = first + find.last;
  else if (find.limit === 0) last = args.count + find.last;
  else last = first + Math.trunc((args.count - first) / find.limit) + find.last;
  if (first >= args.count || last >= args.count || last < first) return false;
  for (let position = first; position <= last; position += find.step) into.add(position, flags);
  return true;
}

/** The position behind the first `keyword` from `from` on (negative: from the end backwards), or 0. */
function positionBehind(args: Args, keyword: string, from: number): number {
  const step = from > 0 ? 1 : -1;
  for (let i = from > 0 ? from : args.count + from; i > 0 && i < args.count - (from > 0 ? 1 : 0); i += step) {
    if (args.is(i, keyword)) return i + 1;
  }
  return 0;
}

// ---- commands whose key specs do not tell all

type KeyFinder = (args: Args, into: KeyPositions) => boolean;

const SPECIAL: Readonly<Record<string, KeyFinder>> = {
  set(args, into) {
    let hasGet = false;
    for (let i = 3; i < args.count; i++) hasGet ||= args.is(i, 'GET');
    into.add(1, hasGet ? 'RW access update' : 'OW update');
    return true;
  },

  bitfield(args, into) {
    let isReadOnly = true;
    for (let i = 2; i < args.count; i++) {
      if (args.is(i, 'GET')) i += 2;
      else isReadOnly = false;
    }
    into.add(1, isReadOnly ? 'RO access' : 'RW access update');
    return true;
  },

  sort(args, into) {
    into.add(1, 'RO access');
    let target = 0;
    for (let i = 2; i < args.count; i++) {
      if (args.is(i, 'LIMIT')) i += 2;
      else if (args.is(i, 'GET') || args.is(i, 'BY')) i++;
      else if (args.is(i, 'STORE') && i + 1 < args.count) target = i + 1;
    }
    if (target !== 0) into.add(target, 'OW update');
    return true;
  },

  sort_ro(_args, into) {
    into.add(1, 'RO access');
    return true;
  },

  // Its sources may be left out, which the key specs do not say.
  pfmerge(args, into) {
    into.add(1, 'RW access insert');
    for (let i = 2; i < args.count; i++) into.add(i, 'RO access');
    return true;
  },

  migrate(args, into) {
    let first = 3;
    let last = 3;
    for (let i = 6; args.lengths[3] === 0 && i + 1 < args.count && first === 3; i++) {
      if (!args.is(i, 'KEYS')) continue;
      first = i + 1;
      last = args.count - 1;
    }
    for (let i = first; i <= last; i++) into.add(i, 'RW access delete');
    return true;
  },
};

// ---- the range of a command

export interface KeyRange {
  first: number;
  last: number;
  step: number;
  /** The range does not hold all keys of every request. */
  isPartial: boolean;
}

/** The keys of all `specs` as one range, as far as they make one; all 0 when none does. */
export function keyRangeOf(specs: readonly KeySpec[]): KeyRange {
  const [only] = specs;
  if (specs.length === 1 && isPlain(only!)) {
    return { first: only.begin, last: absoluteLast(only), step: only.find.step, isPartial: isIncomplete(only) };
  }
  const range = { first: 0, last: 0, step: 0, isPartial: false };
  let lastBefore = 0;
  for (const spec of specs) {
    if (!isPlain(spec)) {
      range.isPartial = true;
      lastBefore = 0;
      continue;
    }
    range.isPartial ||= isIncomplete(spec);
    if (spec.find.step !== 1 || (lastBefore !== 0 && lastBefore !== spec.begin - 1)) {
      range.isPartial = true;
      continue;
    }
    range.first = range.first === 0 ? spec.begin : Math.min(range.first, spec.begin);
    const last = absoluteLast(spec);
    // A last key that is counted from the end of the request is behind all others.
    range.last = last < 0 || range.last < 0 ? Math.min(last, range.last) : Math.max(last, range.last);
    range.step = 1;
    lastBefore = range.last;
  }
  return range;
}

type PlainKeySpec = KeySpec & { begin: number; find: { last: number; step: number; limit: number } };

function isPlain(spec: KeySpec): spec is PlainKeySpec {
  return typeof spec.begin === 'number' && spec.find !== 'unknown' && 'last' in spec.find;
}

function isIncomplete(spec: KeySpec): boolean {
  return spec.flags.includes('incomplete');
}

function absoluteLast({ begin, find }: PlainKeySpec): number {
  return find.last >= 0 ? begin + find.last : find.last;
}
