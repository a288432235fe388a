/** Geohashes: places, their scores and the cells that cover a shape. */
import test from 'ava';
import { seed, seedOf } from '../support/seed.js';
import {
  LATITUDE_MAX, type Place, type Shape, STEP_MAX, cellOf, cellsOver, distanceMetres, distanceWithin, geohashText,
  placeOf, scoreBehind, scoreOf,
} from '../../lib/util/geohash.js';
import { seededRandom } from '../../lib/util/random.js';

const random = seededRandom(seed);
const within = (max: number): number => (random.next() * 2 - 1) * max;
const drawPlace = (): Place => ({ longitude: within(180), latitude: within(LATITUDE_MAX) });
const near = ({ longitude, latitude }: Place): Place => ({
  longitude: Math.max(-180, Math.min(180, longitude + within(3))),
  latitude: Math.max(-LATITUDE_MAX, Math.min(LATITUDE_MAX, latitude + within(3))),
});

test('a score stands for a place less than a metre away', (t) => {
  seedOf(t);
  for (let round = 0; round < 10_000; round++) {
    const place = drawPlace();
    const found = placeOf(scoreOf(cellOf(place, STEP_MAX)));
    t.true(distanceMetres(place, found) < 1, JSON.stringify(place));
  }
});

test('what lies in a shape away from the edges of the map lies in one of its cells', (t) => {
  seedOf(t);
  for (let round = 0; round < 10_000; round++) {
    const centre = { longitude: within(90), latitude: within(60) };
    const radius = random.next() * 300_000;
    const shape: Shape = round % 2 === 0 ? { centre, radius } : { centre, width: radius, height: radius / 2 };
    const score = scoreOf(cellOf(near(centre), STEP_MAX));
    if (distanceWithin(shape, placeOf(score)) < 0) continue;
    const cells = cellsOver(shape).filter((cell) => score >= scoreOf(cell) && score < scoreBehind(cell));
    t.is(cells.length, 1, JSON.stringify(shape));
  }
});

test('geohash text is the standard one', (t) => {
  t.is(geohashText({ longitude: -5.603, latitude: 42.605 }).slice(0, 5), 'ezs42');
  t.is(geohashText({ longitude: 10.40744, latitude: 57.64911 }).slice(0, 9), 'u4pruydqq');
});
