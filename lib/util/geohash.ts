/**
 * Geohashes: the world cut into cells, so that places near each other get numbers near each other. With `step` s the
 * longitudes and the latitudes are cut into 2 ** s parts each; the number of a cell has the bits of both in turn,
 * beginning with the longitude's. A sorted set with such numbers as scores (52 bits, step 26) is an index of places: a
 * cell of a smaller step is a range of scores.
 *
 * Sources: redis's geohash.c and geohash_helper.c, with whose order of operations doubles come out the same.
 */

import { INT64_MIN } from './numbers.js';

export interface Place {
  longitude: number;
  latitude: number;
}

export const LONGITUDE_MAX = 180;
/** Nearer to the poles the Mercator projection, which the format goes by, is not defined. */
export const LATITUDE_MAX = 85.05112878;
/** The standard geohash goes up to the poles. */
const STANDARD_LATITUDE_MAX = 90;

export const STEP_MAX = 26;
const EARTH_RADIUS_METRES = 6372797.560856;
const EQUATOR_HALF_METRES = 20037726.37;

/** A cell: which of the parts of the longitudes and of the latitudes, counted from the lowest. */
export interface Cell {
  step: number;
  longitude: number;
  latitude: number;
}

/** The cell that a place lies in. The highest longitude and latitude fall into parts of their own, past the last. */
export function cellOf({ longitude, latitude }: Place, step: number, latitudeMax = LATITUDE_MAX): Cell {
  const parts = 2 ** step;
  return {
    step,
    longitude: Math.trunc(((longitude + LONGITUDE_MAX) / (LONGITUDE_MAX * 2)) * parts),
    latitude: Math.trunc(((latitude + latitudeMax) / (latitudeMax * 2)) * parts),
  };
}

interface Area {
  longitudeMin: number;
  longitudeMax: number;
  latitudeMin: number;
  latitudeMax: number;
}

function areaOf({ step, longitude, latitude }: Cell): Area {
  const parts = 2 ** step;
  const along = (part: number): number => -LONGITUDE_MAX + (part / parts) * (LONGITUDE_MAX * 2);
  const across = (part: number): number => -LATITUDE_MAX + (part / parts) * (LATITUDE_MAX * 2);
  return {
    longitudeMin: along(longitude),
    longitudeMax: along((longitude + 1) >>> 0),
    latitudeMin: across(latitude),
    latitudeMax: across((latitude + 1) >>> 0),
  };
}

// ---- scores

/** Spreads 16 bits over 32: bit n goes to place 2n. */
function spread(word: number): number {
  let bits = word & 0xffff;
  bits = (bits | (bits << 8)) & 0x00ff00ff;
  bits = (bits | (bits << 4)) & 0x0f0f0f0f;
  bits = (bits | (bits << 2)) & 0x33333333;
  return (bits | (bits << 1)) & 0x55555555;
}

/** The other way round. */
function gather(word: number): number {
  let bits = word & 0x55555555;
  bits = (bits | (bits >>> 1)) & 0x33333333;
  bits = (bits | (bits >>> 2)) & 0x0f0f0f0f;
  bits = (bits | (bits >>> 4)) & 0x00ff00ff;
  return (bits | (bits >>> 8)) & 0xffff;
}

function lowWord({ longitude, latitude }: Cell): number {
  return (spread(latitude) | (spread(longitude) << 1)) >>> 0;
}

function highWord({ longitude, latitude }: Cell): number {
  return (spread(latitude >>> 16) | (spread(longitude >>> 16) << 1)) >>> 0;
}

/** The lowest score of the places in a cell. */
export function scoreOf(cell: Cell): number {
  return (highWord(cell) * 2 ** 32 + lowWord(cell)) * 4 ** (STEP_MAX - cell.step);
}

/** The lowest score behind those of the places in a cell. */
export function scoreBehind(cell: Cell): number {
  return (highWord(cell) * 2 ** 32 + (lowWord(cell) + 1)) * 4 ** (STEP_MAX - cell.step);
}

const UINT64_END = 2 ** 64;

/** The middle of the cell that a score stands for; any score stands for one. */
export function placeOf(score: number): Place {
  const whole = score >= 0 && score < UINT64_END ? Math.trunc(score) : 0;
  let high = Math.floor(whole / 2 ** 32);
  let low = whole - high * 2 ** 32;
  if (score < 0) {
    // What does not fit becomes what a processor makes of it.
    const bits = BigInt.asUintN(64, score < -(2 ** 63) ? INT64_MIN : BigInt(Math.trunc(score)));
    high = Number(bits >> 32n);
    low = Number(bits & 0xffff_ffffn);
  }
  const area = areaOf({
    step: STEP_MAX,
    longitude: (gather(low >>> 1) | (gather(high >>> 1) << 16)) >>> 0,
    latitude: (gather(low) | (gather(high) << 16)) >>> 0,
  });
  return {
    longitude: within((area.longitudeMin + area.longitudeMax) / 2, LONGITUDE_MAX),
    latitude: within((area.latitudeMin + area.latitudeMax) / 2, LATITUDE_MAX),
  };
}

function within(degrees: number, max: number): number {
  return Math.max(-max, Math.min(max, degrees));
}

const ALPHABET = '0123456789bcdefghjkmnpqrstuvwxyz';
const TEXT_CHARS = 11;

/** The standard geohash text of a place. Its last char says nothing: 52 bits are enough for ten. */
export function geohashText(place: Place): string {
  const cell = cellOf(place, STEP_MAX, STANDARD_LATITUDE_MAX);
  const bits = (BigInt(highWord(cell)) << 32n) | BigInt(lowWord(cell));
  let text = '';
  for (let index = 1; index < TEXT_CHARS; index++) text += ALPHABET[Number((bits >> BigInt(52 - index * 5)) & 31n)]!;
  return text + ALPHABET[0]!;
}

// ---- distances

function radians(degrees: number): number {
  return degrees * (Math.PI / 180);
}

function degrees(angle: number): number {
  return angle / (Math.PI / 180);
}

/** The way between two places along the ground in metres, by the haversine formula. */
export function distanceMetres(from: Place, to: Place): number {
  const latitude1 = radians(from.latitude);
  const latitude2 = radians(to.latitude);
  const u = Math.sin((latitude2 - latitude1) / 2);
  const v = Math.sin((radians(to.longitude) - radians(from.longitude)) / 2);
  return 2 * EARTH_RADIUS_METRES * Math.asin(Math.sqrt(u * u + Math.cos(latitude1) * Math.cos(latitude2) * v * v));
}

// ---- shapes

/** What is searched: all within a radius around a place, or within a box whose middle it is. In metres. */
export type Shape = { centre: Place } & ({ radius: number } | { width: number; height: number });

/** The distance of a place from the middle of a shape in metres, or -1 when it lies outside. */
export function distanceWithin(shape: Shape, place: Place): number {
  const { centre } = shape;
  if ('radius' in shape) {
    const distance = distanceMetres(centre, place);
    return distance > shape.radius ? -1 : distance;
  }
  const { longitude, latitude } = place;
  const sideways = distanceMetres(place, { longitude: centre.longitude, latitude });
  const upwards = distanceMetres(place, { longitude, latitude: centre.latitude });
  return sideways > shape.width / 2 || upwards > shape.height / 2 ? -1 : distanceMetres(centre, place);
}

/** Around a shape; its sides are bent, and the box is that of the one nearer to the pole, or further in the south. */
function boundsOf(shape: Shape): Area {
  const { centre: { longitude, latitude } } = shape;
  const height = 'radius' in shape ? shape.radius : shape.height / 2;
  const width = 'radius' in shape ? shape.radius : shape.width / 2;
  const up = degrees(height / EARTH_RADIUS_METRES);
  const edge = latitude < 0 ? latitude - up : latitude + up;
  const along = degrees(width / EARTH_RADIUS_METRES / Math.cos(radians(edge)));
  return {
    longitudeMin: longitude - along,
    longitudeMax: longitude + along,
    latitudeMin: latitude - up,
    latitudeMax: latitude + up,
  };
}

/** The step whose cells are about as large as a shape that reaches so far. */
function stepFor(reachMetres: number, latitude: number): number {
  if (reachMetres === 0) return STEP_MAX;
  let step = -1;
  for (let reach = reachMetres; reach < EQUATOR_HALF_METRES; reach *= 2) step++;
  // Towards the poles the cells get narrow.
  if (Math.abs(latitude) > 66) step--;
  if (Math.abs(latitude) > 80) step--;
  return Math.max(1, Math.min(STEP_MAX, step));
}

function diagonal(width: number, height: number): number {
  return Math.sqrt(width * width + height * height);
}

/** The cell `along` parts to the east and `up` parts to the north; east of the last part is the first. */
function neighbour({ step, longitude, latitude }: Cell, along: number, up: number): Cell {
  const mask = 2 ** step - 1;
  return {
    step,
    longitude: along === 0 ? longitude : (longitude + along) & mask,
    latitude: up === 0 ? latitude : (latitude + up) & mask,
  };
}

/** The neighbours of a cell in the order in which they are searched. */
const AROUND = [
  [0, 0], [0, 1], [0, -1], [1, 0], [-1, 0], [1, 1], [-1, 1], [1, -1], [-1, -1],
] as const;

/** The cells that cover a shape, in redis-server's order: unsorted results come in it. */
export function cellsOver(shape: Shape): Cell[] {
  const { centre } = shape;
  const bounds = boundsOf(shape);
  const reach = 'radius' in shape ? shape.radius : diagonal(shape.width / 2, shape.height / 2);
  let step = stepFor(reach, centre.latitude);
  if (step > 1 && !coversWithNeighbours(cellOf(centre, step), bounds)) step--;
  const middle = cellOf(centre, step);
  const area = areaOf(middle);
  const cells: Cell[] = [];
  for (const [along, up] of AROUND) {
    if (step >= 2 && isNeedless(area, bounds, along, up)) continue;
    const cell = neighbour(middle, along, up);
    // With a small step the neighbours on both sides are the same cell.
    const last = cells.length > 1 ? cells[cells.length - 1] : undefined;
    if (last?.longitude !== cell.longitude || last.latitude !== cell.latitude) cells.push(cell);
  }
  return cells;
}

/** Whether a cell and its eight neighbours reach beyond the bounds on all sides. */
function coversWithNeighbours(cell: Cell, bounds: Area): boolean {
  return (
    areaOf(neighbour(cell, 0, 1)).latitudeMax >= bounds.latitudeMax &&
    areaOf(neighbour(cell, 0, -1)).latitudeMin <= bounds.latitudeMin &&
    areaOf(neighbour(cell, 1, 0)).longitudeMax >= bounds.longitudeMax &&
    areaOf(neighbour(cell, -1, 0)).longitudeMin <= bounds.longitudeMin
  );
}

/** Whether the middle cell alone reaches beyond the bounds on the side where a neighbour lies. */
function isNeedless(area: Area, bounds: Area, along: number, up: number): boolean {
  return (
    (up < 0 && area.latitudeMin < bounds.latitudeMin) ||
    (up > 0 && area.latitudeMax > bounds.latitudeMax) ||
    (along < 0 && area.longitudeMin < bounds.longitudeMin) ||
    (along > 0 && area.longitudeMax > bounds.longitudeMax)
  );
}
