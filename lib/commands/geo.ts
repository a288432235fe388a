/**
 * The GEO commands about single places. A sorted set is an index of places when its scores are geohashes
 * (util/geohash.ts); to all other commands it is a sorted set. Searching is in geo-search.ts.
 */
import { readDouble } from './arguments.js';
import type { Context } from './context.js';
import { findForRead } from './lookup.js';
import { addMembers } from './sorted-set.js';
import { type CommandSpec, type Handler, oneKey } from './spec.js';
import { badPlace, syntaxError, unsupportedUnit } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { SORTED_SET } from '../store/entry.js';
import { getScore } from '../store/sorted-set-value.js';
import type { Slice } from '../util/bytes.js';
import {
  LATITUDE_MAX, LONGITUDE_MAX, type Place, STEP_MAX, cellOf, distanceMetres, geohashText, placeOf, scoreOf,
} from '../util/geohash.js';
import { formatFixed } from '../util/numbers.js';

/** The place at arguments `index` and `index + 1`. Throws notAFloat() and badPlace(). */
export function readPlace(args: Args, index: number): Place {
  const longitude = readDouble(args, index);
  const latitude = readDouble(args, index + 1);
  if (Math.abs(longitude) > LONGITUDE_MAX || Math.abs(latitude) > LATITUDE_MAX) throw badPlace(longitude, latitude);
  return { longitude, latitude };
}

/** How many metres the unit at argument `index` has. Throws unsupportedUnit(). */
export function readUnitMetres(args: Args, index: number): number {
  if (args.is(index, 'M')) return 1;
  if (args.is(index, 'KM')) return 1000;
  if (args.is(index, 'FT')) return 0.3048;
  if (args.is(index, 'MI')) return 1609.34;
  throw unsupportedUnit();
}

/** The place of a member, or undefined. */
export function memberPlace({ db }: Context, ref: number, member: Slice): Place | undefined {
  const score = ref === 0 ? undefined : getScore(db, ref, member);
  return score === undefined ? undefined : placeOf(score);
}

const DISTANCE_DECIMALS = 4;

/** Distances are for people: four decimals, a string in RESP3 too. */
export function replyWithDistance(reply: ReplyWriter, distance: number): void {
  reply.bulkText(formatFixed(distance, DISTANCE_DECIMALS));
}

const COORDINATE_DECIMALS = 17;

export function replyWithPlace(reply: ReplyWriter, { longitude, latitude }: Place): void {
  reply.array(2);
  for (const degrees of [longitude, latitude]) {
    reply.double(formatFixed(degrees, COORDINATE_DECIMALS).replace(/\.?0+$/, ''));
  }
}

/** Source: geoaddCommand() in redis's geo.c. */
const geoadd: Handler = (context, args, reply) => {
  const options = { nx: false, xx: false, gt: false, lt: false, ch: false, incr: false, from: 2 };
  for (; options.from < args.count; options.from++) {
    if (args.is(options.from, 'NX')) options.nx = true;
    else if (args.is(options.from, 'XX')) options.xx = true;
    else if (args.is(options.from, 'CH')) options.ch = true;
    else break;
  }
  const words = args.count - options.from;
  if (words === 0 || words % 3 !== 0 || (options.nx && options.xx)) throw syntaxError();
  const scores = new Float64Array(words / 3);
  for (let index = 0; index < scores.length; index++) {
    scores[index] = scoreOf(cellOf(readPlace(args, options.from + index * 3), STEP_MAX));
  }
  const done = addMembers(context, args, options, scores, 3);
  reply.integer(options.ch ? done.added + done.updated : done.added);
};

const geodist: Handler = (context, args, reply) => {
  if (args.count > 5) throw syntaxError();
  const metres = args.count === 5 ? readUnitMetres(args, 4) : 1;
  const ref = findForRead(context, args.slice(1), SORTED_SET);
  const from = memberPlace(context, ref, args.slice(2));
  const to = memberPlace(context, ref, args.slice(3));
  if (from === undefined || to === undefined) reply.nil();
  else replyWithDistance(reply, distanceMetres(from, to) / metres);
};

const geohash: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), SORTED_SET);
  reply.array(args.count - 2);
  for (let index = 2; index < args.count; index++) {
    const place = memberPlace(context, ref, args.slice(index));
    if (place === undefined) reply.nil();
    else reply.bulkText(geohashText(place));
  }
};

const geopos: Handler = (context, args, reply) => {
  const ref = findForRead(context, args.slice(1), SORTED_SET);
  reply.array(args.count - 2);
  for (let index = 2; index < args.count; index++) {
    const place = memberPlace(context, ref, args.slice(index));
    if (place === undefined) reply.nilArray();
    else replyWithPlace(reply, place);
  }
};

const RECORD = { categories: ['geo'], routing: 'one_shard', group: 'geo', since: '3.2.0' } as const;
const READ = { ...RECORD, flags: ['readonly'], keys: oneKey('RO access') } as const;

export const geoCommands: readonly CommandSpec[] = [
  {
    name: 'geoadd', arity: -5, flags: ['write', 'denyoom'], keys: oneKey('RW update'), ...RECORD,
    complexity: 'O(log(N)) for each item added, where N is the number of elements in the sorted set.',
    summary: 'Adds members with their places, or moves members to other places.',
    syntax: 'key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]',
    history: [['6.2.0', 'Added the `CH`, `NX` and `XX` options.']], handler: geoadd,
  },
  {
    name: 'geodist', arity: -4, ...READ, complexity: 'O(log(N))', summary: 'Gives the distance between two members.',
    syntax: 'key member1 member2 [M|KM|FT|MI]', handler: geodist,
  },
  {
    name: 'geohash', arity: -2, ...READ,
    complexity: 'O(log(N)) for each member requested, where N is the number of elements in the sorted set.',
    summary: 'Gives the places of members as standard geohashes.', syntax: 'key member [member ...]', handler: geohash,
  },
  {
    name: 'geopos', arity: -2, ...READ, complexity: 'O(N) where N is the number of members requested.',
    summary: 'Gives the places of members as longitudes and latitudes.', syntax: 'key member [member ...]',
    handler: geopos,
  },
];
