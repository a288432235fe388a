/**
 * The GEO commands that search for members in a circle or a box: GEOSEARCH, GEORADIUS and their kin. The area is
 * covered with a few cells; the scores of each are a range of the sorted set, whose members are measured one by one.
 *
 * Source: georadiusGeneric() in redis's geo.c, in whose order things are checked.
 */
import { readDouble, readExactInteger } from './arguments.js';
import type { Context } from './context.js';
import { memberPlace, readPlace, readUnitMetres, replyWithDistance, replyWithPlace } from './geo.js';
import { findForRead } from './lookup.js';
import { storeMembers } from './sorted-set-store.js';
import { type CommandSpec, type Handler, type KeySpec, oneKey } from './spec.js';
import {
  anyNeedsCount, boxIsNegative, geoCountNotPositive, heightNotANumber, memberHasNoPlace, oneOfFor, radiusIsNegative,
  radiusNotANumber, storeExcludesWith, syntaxError, widthNotANumber,
} from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { SORTED_SET } from '../store/entry.js';
import { ScoreRange } from '../store/sorted-set-range.js';
import { countInRange, firstInRange, walkMembers } from '../store/sorted-set-value.js';
import { Slice, compareBytes } from '../util/bytes.js';
import { type Cell, type Place, type Shape, cellsOver, distanceWithin, placeOf, scoreBehind, scoreOf } from '../util/geohash.js';
import { INT64_MIN, narrow } from '../util/numbers.js';
import { partialSort } from '../util/partial-sort.js';

/** Which command it is: where it says what is searched, and where its options begin. */
interface Form {
  kind: 'around place' | 'around member' | 'search' | 'search and store';
  keyAt: 1 | 2;
  optionsAt: number;
  takesStore: boolean;
}

type Extent = { radius: number } | { width: number; height: number };

/** What a request asks for. Lengths are in metres. */
interface Search {
  centre: Place | undefined;
  /** The centre was named, though it could not be looked up in a bucket that is missing. */
  hasCentre: 'member' | 'place' | undefined;
  extent: Extent | undefined;
  unitMetres: number;
  withDistance: boolean;
  withHash: boolean;
  withPlace: boolean;
  order: 'asc' | 'desc' | undefined;
  /** 0: all. */
  count: number;
  /** Any `count` will do: the search is over when there are so many. */
  any: boolean;
  /** The argument that names the bucket for the result, or 0. */
  storeAt: number;
  storesDistance: boolean;
}

// ---- reading the request

class SearchReader {
  readonly search: Search = {
    centre: undefined, hasCentre: undefined, extent: undefined, unitMetres: 1, withDistance: false, withHash: false,
    withPlace: false, order: undefined, count: 0, any: false, storeAt: 0, storesDistance: false,
  };

  constructor(
    private readonly context: Context,
    private readonly args: Args,
    private readonly form: Form,
    private readonly ref: number,
  ) {}

  read(): Search {
    const { args, form, search } = this;
    if (form.kind === 'around place') {
      search.centre = readPlace(args, 2);
      this.readRadius(4);
    } else if (form.kind === 'around member' && this.ref !== 0) {
      search.centre = this.placeOfMember(2);
      this.readRadius(3);
    } else if (form.kind === 'search and store') search.storeAt = 1;
    for (let at = form.optionsAt; at < args.count; ) at += this.readOption(at);
    this.check();
    return search;
  }

  /** Reads the option at argument `at` and gives how many arguments it takes. */
  private readOption(at: number): number {
    const { args, search } = this;
    if (args.is(at, 'WITHDIST')) search.withDistance = true;
    else if (args.is(at, 'WITHHASH')) search.withHash = true;
    else if (args.is(at, 'WITHCOORD')) search.withPlace = true;
    else if (args.is(at, 'ANY')) search.any = true;
    else if (args.is(at, 'ASC')) search.order = 'asc';
    else if (args.is(at, 'DESC')) search.order = 'desc';
    else if (args.is(at, 'COUNT') && at + 1 < args.count) return this.readCount(at + 1);
    else if (this.form.kind.startsWith('around')) return this.readStore(at);
    else if (this.form.kind === 'search and store' && args.is(at, 'STOREDIST')) search.storesDistance = true;
    else return this.readCentreOrExtent(at);
    return 1;
  }

  private readCount(at: number): number {
    const count = readExactInteger(this.args, at);
    if (count <= 0) throw geoCountNotPositive();
    this.search.count = Number(count);
    return 2;
  }

  private readStore(at: number): number {
    const { args, form, search } = this;
    const storesDistance = args.is(at, 'STOREDIST');
    if (!form.takesStore || at + 1 >= args.count || !(storesDistance || args.is(at, 'STORE'))) throw syntaxError();
    search.storeAt = at + 1;
    search.storesDistance = storesDistance;
    return 2;
  }

  /** A centre and an extent of one kind may be named again, which counts, but none of the other kind. */
  private readCentreOrExtent(at: number): number {
    const { args, search } = this;
    const left = args.count - 1 - at;
    if (args.is(at, 'FROMMEMBER') && left >= 1 && search.hasCentre !== 'place') {
      if (this.ref !== 0) search.centre = this.placeOfMember(at + 1);
      search.hasCentre = 'member';
      return 2;
    }
    if (args.is(at, 'FROMLONLAT') && left >= 2 && search.hasCentre !== 'member') {
      search.centre = readPlace(args, at + 1);
      search.hasCentre = 'place';
      return 3;
    }
    const { extent } = search;
    if (args.is(at, 'BYRADIUS') && left >= 2 && (extent === undefined || 'radius' in extent)) {
      this.readRadius(at + 1);
      return 3;
    }
    if (args.is(at, 'BYBOX') && left >= 3 && (extent === undefined || 'width' in extent)) {
      this.readBox(at + 1);
      return 4;
    }
    throw syntaxError();
  }

  private placeOfMember(at: number): Place {
    const place = memberPlace(this.context, this.ref, this.args.slice(at));
    if (place === undefined) throw memberHasNoPlace();
    return place;
  }

  private readRadius(at: number): void {
    const { args, search } = this;
    const radius = readDouble(args, at, radiusNotANumber);
    if (radius < 0) throw radiusIsNegative();
    search.unitMetres = readUnitMetres(args, at + 1);
    search.extent = { radius: radius * search.unitMetres };
  }

  private readBox(at: number): void {
    const { args, search } = this;
    const width = readDouble(args, at, widthNotANumber);
    const height = readDouble(args, at + 1, heightNotANumber);
    if (height < 0 || width < 0) throw boxIsNegative();
    search.unitMetres = readUnitMetres(args, at + 2);
    search.extent = { width: width * search.unitMetres, height: height * search.unitMetres };
  }

  /** What does not go together. Commands are named as the client wrote them. */
  private check(): void {
    const { form, search, args } = this;
    if (search.storeAt > 0 && (search.withDistance || search.withHash || search.withPlace)) {
      throw storeExcludesWith(form.kind === 'search and store' ? 'GEOSEARCHSTORE' : 'STORE option in GEORADIUS');
    }
    if (form.kind.startsWith('search')) {
      if (search.hasCentre === undefined) throw oneOfFor('FROMMEMBER or FROMLONLAT', args.text(0));
      if (search.extent === undefined) throw oneOfFor('BYRADIUS and BYBOX', args.text(0));
    }
    if (search.any && search.count === 0) throw anyNeedsCount();
  }
}

// ---- searching

interface Found {
  member: Slice;
  score: number;
  place: Place;
  distanceMetres: number;
}

/** A walk is asked for in pieces, because it may be over early. */
const WALK_COUNT = 64;

/** The members in a shape, cell by cell; no more than `limit`, unless that is 0. */
function findMembers(context: Context, ref: number, shape: Shape, limit: number): Found[] {
  const found: Found[] = [];
  const isFull = (): boolean => limit > 0 && found.length >= limit;
  for (const cell of cellsOver(shape)) {
    const range = rangeOf(cell);
    const first = firstInRange(context.db, ref, range, false);
    if (first < 0) continue;
    const end = first + countInRange(context.db, ref, range, first, false);
    for (let rank = first; rank < end && !isFull(); rank += WALK_COUNT) {
      walkMembers(context.db, ref, rank, Math.min(WALK_COUNT, end - rank), false, (member, score) => {
        if (isFull()) return;
        const place = placeOf(score);
        const distanceMetres = distanceWithin(shape, place);
        if (distanceMetres === -1) return;
        found.push({ member: samePlaceInMemory(member), score, place, distanceMetres });
      });
    }
  }
  return found;
}

function rangeOf(cell: Cell): ScoreRange {
  return new ScoreRange({ score: scoreOf(cell), isOutside: false }, { score: scoreBehind(cell), isOutside: true });
}

/** Walks use their slices again. */
function samePlaceInMemory({ bytes, offset, length }: Slice): Slice {
  return new Slice().set(bytes, offset, length);
}

/** Puts the members in order, if there is one, and cuts them to the number that is wanted. */
function arrange(found: Found[], { order, count, any }: Search): Found[] {
  const wanted = count === 0 ? found.length : Math.min(count, found.length);
  // The nearest are meant when there is a number and no order.
  const direction = order ?? (count > 0 && !any ? 'asc' : undefined);
  if (direction !== undefined) {
    const sign = direction === 'asc' ? 1 : -1;
    const compare = (a: Found, b: Found): number => sign * Math.sign(a.distanceMetres - b.distanceMetres);
    if (wanted === found.length) found.sort(compare);
    else partialSort(found, 0, wanted - 1, compare);
  }
  return found.slice(0, wanted);
}

const searchHandler = (form: Form): Handler => (context, args, reply) => {
  const ref = findForRead(context, args.slice(form.keyAt), SORTED_SET);
  const search = new SearchReader(context, args, form, ref).read();
  let found: Found[] = [];
  if (ref !== 0) {
    const shape = { centre: search.centre!, ...search.extent! };
    found = arrange(findMembers(context, ref, shape, search.any ? search.count : 0), search);
  }
  if (search.storeAt === 0) return replyWithMembers(reply, found, search);
  const event = form.kind === 'search and store' ? 'geosearchstore' : 'georadiusstore';
  storeMembers(context, args.slice(search.storeAt), scored(found, search), event, reply);
};

function replyWithMembers(reply: ReplyWriter, found: readonly Found[], search: Search): void {
  const parts = Number(search.withDistance) + Number(search.withHash) + Number(search.withPlace);
  reply.array(found.length);
  for (const { member, score, place, distanceMetres } of found) {
    if (parts > 0) reply.array(parts + 1);
    reply.slice(member);
    if (search.withDistance) replyWithDistance(reply, distanceMetres / search.unitMetres);
    if (search.withHash) reply.integer(asInteger(score));
    if (search.withPlace) replyWithPlace(reply, place);
  }
}

/** A score as int64; the lowest where it does not fit, as a processor makes it. */
function asInteger(score: number): number | bigint {
  return Math.abs(score) < 2 ** 63 ? narrow(BigInt(Math.trunc(score))) : INT64_MIN;
}

/** The members as they are stored: by score, and by their bytes where that is equal. */
function scored(found: readonly Found[], { storesDistance, unitMetres }: Search): { member: Slice; score: number }[] {
  const members = found.map(({ member, score, distanceMetres }) => ({
    member, score: storesDistance ? distanceMetres / unitMetres : score,
  }));
  return members.sort((a, b) => a.score - b.score || compareMembers(a.member, b.member));
}

function compareMembers(a: Slice, b: Slice): number {
  return compareBytes(a.bytes, a.offset, a.length, b.bytes, b.offset, b.length);
}

// ---- records

const RECORD = { categories: ['geo'], routing: 'one_shard', group: 'geo' } as const;
const RADIUS_COMPLEXITY =
  'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and ' +
  'radius and M is the number of items inside the index.';
const SEARCH_COMPLEXITY =
  'O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as ' +
  'the filter and M is the number of items inside the shape';
const ANY_SINCE = [['6.2.0', 'Added the `ANY` option for `COUNT`.']] as const;
const UPPER_UNITS = [['7.0.0', 'Added support for uppercase unit names.']] as const;

const UNIT = '<M|KM|FT|MI>';
const WITH = '[WITHCOORD] [WITHDIST] [WITHHASH]';
const COUNT = '[<COUNT count [ANY]>]';
const STORE = '[STORE key] [STOREDIST key]';
const SHAPE =
  '<FROMMEMBER member|FROMLONLAT longitude latitude> ' +
  `<<BYRADIUS radius> ${UNIT}|<BYBOX width> height ${UNIT}>`;

function storeKeys(from: number): KeySpec[] {
  const behind = (keyword: string): KeySpec => ({
    flags: 'OW update', begin: { keyword, from }, find: { last: 0, step: 1, limit: 0 },
  });
  return [...oneKey('RO access'), behind('STORE'), behind('STOREDIST')];
}

export const geoSearchCommands: readonly CommandSpec[] = [
  {
    name: 'georadius', arity: -6, flags: ['write', 'denyoom', 'movablekeys'], keys: storeKeys(6), ...RECORD,
    since: '3.2.0', complexity: RADIUS_COMPLEXITY, summary: 'Searches around a place, and stores what it finds if asked.',
    syntax: `key longitude latitude radius ${UNIT} ${WITH} ${COUNT} [ASC|DESC] ${STORE}`,
    history: [...ANY_SINCE, ...UPPER_UNITS],
    deprecated: { since: '6.2.0', replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument' },
    handler: searchHandler({ kind: 'around place', keyAt: 1, optionsAt: 6, takesStore: true }),
  },
  {
    name: 'georadius_ro', arity: -6, flags: ['readonly'], keys: oneKey('RO access'), ...RECORD, since: '3.2.10',
    complexity: RADIUS_COMPLEXITY, summary: 'Searches around a place.',
    syntax: `key longitude latitude radius ${UNIT} ${WITH} ${COUNT} [ASC|DESC]`, history: ANY_SINCE,
    deprecated: { since: '6.2.0', replacedBy: '`GEOSEARCH` with the `BYRADIUS` argument' },
    handler: searchHandler({ kind: 'around place', keyAt: 1, optionsAt: 6, takesStore: false }),
  },
  {
    name: 'georadiusbymember', arity: -5, flags: ['write', 'denyoom', 'movablekeys'], keys: storeKeys(5), ...RECORD,
    since: '3.2.0', complexity: RADIUS_COMPLEXITY,
    summary: 'Searches around a member, and stores what it finds if asked.',
    syntax: `key member radius ${UNIT} ${WITH} ${COUNT} [ASC|DESC] ${STORE}`, history: UPPER_UNITS,
    deprecated: {
      since: '6.2.0', replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments',
    },
    handler: searchHandler({ kind: 'around member', keyAt: 1, optionsAt: 5, takesStore: true }),
  },
  {
    name: 'georadiusbymember_ro', arity: -5, flags: ['readonly'], keys: oneKey('RO access'), ...RECORD,
    since: '3.2.10', complexity: RADIUS_COMPLEXITY, summary: 'Searches around a member.',
    syntax: `key member radius ${UNIT} ${WITH} ${COUNT} [ASC|DESC]`,
    deprecated: { since: '6.2.0', replacedBy: '`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments' },
    handler: searchHandler({ kind: 'around member', keyAt: 1, optionsAt: 5, takesStore: false }),
  },
  {
    name: 'geosearch', arity: -7, flags: ['readonly'], keys: oneKey('RO access'), ...RECORD, since: '6.2.0',
    complexity: SEARCH_COMPLEXITY, summary: 'Searches in a circle or a box.',
    syntax: `key ${SHAPE} [ASC|DESC] ${COUNT} ${WITH}`, history: UPPER_UNITS,
    handler: searchHandler({ kind: 'search', keyAt: 1, optionsAt: 2, takesStore: false }),
  },
  {
    name: 'geosearchstore', arity: -8, flags: ['write', 'denyoom'],
    keys: [...oneKey('OW update'), ...oneKey('RO access', 2)], ...RECORD, since: '6.2.0',
    complexity: SEARCH_COMPLEXITY, summary: 'Searches in a circle or a box and stores what it finds.',
    syntax: `destination source ${SHAPE} [ASC|DESC] ${COUNT} [STOREDIST]`, history: UPPER_UNITS,
    handler: searchHandler({ kind: 'search and store', keyAt: 2, optionsAt: 3, takesStore: false }),
  },
];
