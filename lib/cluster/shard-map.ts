/**
 * The shard map: which node owns which names. Made from the setting `shards`, an ordered list such as
 * `a-m=foo,n-z=bar,*=foo`, and never changed afterwards: a reload makes another.
 *
 * Ranges are compiled to a sorted list of bounds. A segment runs from its bound to the next one and has one owner, or
 * none (a gap). Most names are decided by a table over their first byte; where bounds are longer than one byte, a
 * binary search over the bounds decides. No string is made of a name.
 */
import { createHash } from 'node:crypto';
import { REST, type Range, ShardMapError, parseRange, quoted } from './range.js';
import { compareBytes } from '../util/bytes.js';

export interface Shard {
  /** As it was written. */
  range: string;
  node: string;
}

/** No node owns the name. */
export const NO_OWNER = -1;
/** In the table over first bytes: names with this first byte have different owners. */
const MIXED = -2;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
/** So that a SCAN cursor has room for the shard's place beside the place in it; see scan.ts. */
export const NODES_MAX = 1024;

interface Segment {
  from: Buffer;
  owner: number;
}

export class ShardMap {
  /** The nodes that own something, by name; an owner's number is its place here. The same on every node. */
  readonly owners: readonly string[];
  /** Equal for maps that give every name the same owner, however they are written. */
  readonly fingerprint: string;

  private readonly segments: Segment[];
  /** The bounds one behind the other, and where each begins; one more for the end of the last. */
  private readonly bounds: Buffer;
  private readonly boundsAt: Int32Array;
  private readonly byFirstByte = new Int16Array(256);

  private constructor(readonly shards: readonly Shard[]) {
    this.owners = [...new Set(shards.map((shard) => shard.node))].sort();
    this.segments = compile(shards, this.owners);
    this.bounds = Buffer.concat(this.segments.map((segment) => segment.from));
    this.boundsAt = Int32Array.from([0, ...this.segments.map((segment) => segment.from.length)]);
    for (let i = 1; i < this.boundsAt.length; i++) this.boundsAt[i]! += this.boundsAt[i - 1]!;
    this.fillFirstBytes();
    const lines = this.segments.map((each) => `${each.from.toString('hex')}=${this.owners[each.owner] ?? ''}\n`);
    this.fingerprint = createHash('sha256').update(lines.join('')).digest('hex').slice(0, 12);
  }

  /** Reads `a-m=foo,n-z=bar,*=foo`. Throws ShardMapError, which names the entry and the remedy. */
  static parse(text: string): ShardMap {
    const entries = text.split(',').map((each) => each.trim());
    const shards = entries.filter((entry) => entry !== '').map((entry) => {
      const equals = entry.lastIndexOf('=');
      const node = entry.slice(equals + 1).trim();
      if (equals < 0 || node === '') {
        throw new ShardMapError(`shards: '${entry}' names no node: write range=node, as in 'a-m=foo'`);
      }
      return { range: entry.slice(0, equals).trim(), node };
    });
    return ShardMap.of(shards);
  }

  static of(shards: readonly Shard[]): ShardMap {
    if (shards.length === 0) throw new ShardMapError(`shards: the map is empty: write at least '*=<node>'`);
    const map = new ShardMap(shards);
    if (map.owners.length > NODES_MAX) throw new ShardMapError(`shards: ${map.owners.length} nodes are more than ${NODES_MAX}`);
    return map;
  }

  /** The entry that takes a name, for messages. */
  entryOf(name: Buffer): Shard | undefined {
    const routed = routingName(name);
    const isIn = ({ range }: Shard): boolean => {
      if (range === REST) return false;
      const { from, to } = parseRange(range);
      return from.compare(routed) <= 0 && (to === undefined || routed.compare(to) < 0);
    };
    return this.shards.find(isIn) ?? this.shards.find(({ range }) => range === REST);
  }

  /** What another map does differently, a line for each interval of names. */
  changesTo(other: ShardMap): string[] {
    return this.differences(other).map(({ from, next, before, after }) => {
      return `names from ${quoted(from)} ${next ? `to below ${quoted(next)}` : 'on'}: ${before} -> ${after}`;
    });
  }

  /** Whether another map gives to others what this one gives to `node`. */
  takesFrom(node: string, other: ShardMap): boolean {
    return this.differences(other).some(({ before }) => before === node);
  }

  private differences(other: ShardMap): { from: Buffer; next: Buffer | undefined; before: string; after: string }[] {
    const bounds = [...this.segments, ...other.segments].map(({ from }) => from).sort((a, b) => a.compare(b));
    const owner = (map: ShardMap, name: Buffer): string => {
      return map.owners[map.segments[map.segmentOf(name, 0, name.length)]!.owner] ?? 'nobody';
    };
    return bounds.filter((bound, index) => !bounds[index + 1]?.equals(bound)).flatMap((from, index, all) => {
      const [before, after] = [owner(this, from), owner(other, from)];
      return before === after ? [] : [{ from, next: all[index + 1], before, after }];
    });
  }

  /** The text form. */
  toString(): string {
    return this.shards.map((shard) => `${shard.range}=${shard.node}`).join(',');
  }

  /** The number of the node that owns the bucket with this name (see `routingName`), or NO_OWNER. */
  ownerOf(bytes: Buffer, offset: number, length: number): number {
    const end = offset + length;
    let brace = offset;
    while (brace < end && bytes[brace] !== OPEN_BRACE) brace++;
    if (brace < end) {
      const close = bytes.indexOf(CLOSE_BRACE, brace + 1);
      if (close > brace + 1 && close < end) return this.ownerOfRoutingName(bytes, brace + 1, close - brace - 1);
    }
    return this.ownerOfRoutingName(bytes, offset, length);
  }

  private ownerOfRoutingName(bytes: Buffer, offset: number, length: number): number {
    if (length === 0) return this.segments[0]!.owner;
    const owner = this.byFirstByte[bytes[offset]!]!;
    return owner === MIXED ? this.segments[this.segmentOf(bytes, offset, length)]!.owner : owner;
  }

  /** The segment that holds a routing name: the last whose bound is not above it. */
  private segmentOf(bytes: Buffer, offset: number, length: number): number {
    const { bounds, boundsAt } = this;
    let low = 0;
    let high = this.segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const at = boundsAt[middle]!;
      if (compareBytes(bounds, at, boundsAt[middle + 1]! - at, bytes, offset, length) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  private fillFirstBytes(): void {
    for (let byte = 0; byte < 256; byte++) {
      const isMixed = this.segments.some(({ from }) => from.length > 1 && from[0] === byte);
      const name = Buffer.from([byte]);
      this.byFirstByte[byte] = isMixed ? MIXED : this.segments[this.segmentOf(name, 0, 1)]!.owner;
    }
  }

  /** The names that nobody owns, as pairs of bounds for people; empty when there is no gap. */
  gaps(): string[] {
    const shown = (index: number): string => quoted(this.segments[index]?.from ?? 'the end');
    return this.segments.flatMap((segment, index) => {
      if (segment.owner !== NO_OWNER) return [];
      // Only the empty name and nothing else: nobody would call that a gap.
      if (index === 0 && this.segments[1]?.from.equals(Buffer.from([0]))) return [];
      const next = this.segments[index + 1];
      return [`from ${shown(index)} ${next ? `to below ${quoted(next.from)}` : 'on'}`];
    });
  }

  /** Why no node owns a name that `ownerOf` gave NO_OWNER for. */
  describeGap(name: Buffer): string {
    const routed = routingName(name);
    if (routed.length === 0) return `no shard owns ${quoted(name)}: no range covers the empty name`;
    const first = routed.subarray(0, 1);
    if (this.byFirstByte[first[0]!] === MIXED) return `no shard owns ${quoted(name)}: no range covers ${quoted(routed)}`;
    const hex = first.toString('hex');
    return `no shard owns ${quoted(name)}: no range covers byte 0x${hex} (${quoted(first)})`;
  }
}

/** The part of a name that picks its shard: the text between the first { and the next }, if any, else all of it. */
export function routingName(name: Buffer): Buffer {
  const open = name.indexOf(OPEN_BRACE);
  const close = open < 0 ? -1 : name.indexOf(CLOSE_BRACE, open + 1);
  return close > open + 1 ? name.subarray(open + 1, close) : name;
}

/** The segments of a map, lowest first, beginning with the empty name; neighbours have different owners. */
function compile(shards: readonly Shard[], owners: readonly string[]): Segment[] {
  let rest = NO_OWNER;
  const ranges: { range: Range; shard: Shard; owner: number }[] = [];
  for (const shard of shards) {
    const owner = owners.indexOf(shard.node);
    if (shard.range !== REST) ranges.push({ range: parseEntry(shard), shard, owner });
    else if (rest === NO_OWNER) rest = owner;
    else throw new ShardMapError(`shards: '*=${shard.node}' stands beside another '*': keep one of the two`);
  }
  ranges.sort((a, b) => a.range.from.compare(b.range.from));
  const segments: Segment[] = [];
  const add = (from: Buffer, owner: number): void => {
    // A range that begins where the last one ended leaves nothing between them.
    if (segments[segments.length - 1]?.from.equals(from)) segments.pop();
    if (segments[segments.length - 1]?.owner !== owner) segments.push({ from, owner });
  };
  add(Buffer.alloc(0), rest);
  ranges.forEach(({ range, shard, owner }, index) => {
    const before = ranges[index - 1];
    if (before && (before.range.to === undefined || before.range.to.compare(range.from) > 0)) {
      throw new ShardMapError(
        `shards: '${shard.range}=${shard.node}' overlaps '${before.shard.range}=${before.shard.node}': ` +
          `both take ${quoted(range.from)}; end one range before the other begins`,
      );
    }
    add(range.from, owner);
    if (range.to !== undefined) add(range.to, rest);
  });
  return segments;
}

function parseEntry(shard: Shard): Range {
  try {
    return parseRange(shard.range);
  } catch (error) {
    if (!(error instanceof ShardMapError)) throw error;
    throw new ShardMapError(`shards: '${shard.range}=${shard.node}': ${error.message}`);
  }
}
