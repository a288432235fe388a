import test from 'ava';
import type { Clock } from '../../lib/util/clock.js';
import { WallClock } from '../../lib/util/wall-clock.js';

/** A clock whose two times are set apart. */
class TwoTimes implements Clock {
  ms = 5_000;
  us = 0;
  nowMs = (): number => Math.floor(this.ms);
  nowUs = (): number => Math.floor(this.ms * 1000);
  elapsedUs = (): number => this.us;

  advance(ms: number): void {
    this.ms += ms;
    this.us += ms * 1000;
  }
}

test('the time of day goes on with the clock that measures durations', (t) => {
  const clock = new TwoTimes();
  const wall = new WallClock(clock);
  clock.advance(1234);
  t.is(wall.msAt(clock.elapsedUs()), 6234);
});

test('it never goes back while nobody sets the time', (t) => {
  const clock = new TwoTimes();
  const wall = new WallClock(clock);
  let last = 0;
  for (let step = 0; step < 1000; step++) {
    clock.advance(0.37);
    wall.sync();
    const now = wall.msAt(clock.elapsedUs());
    t.true(now >= last && Math.abs(now - clock.ms) <= 1, `${now} after ${last}, ${clock.ms}`);
    last = now;
  }
});

test('it follows when the time is set, forwards and back', (t) => {
  const clock = new TwoTimes();
  const wall = new WallClock(clock);
  for (const ms of [100_000, 3_000]) {
    clock.ms = ms;
    wall.sync();
    t.is(wall.msAt(clock.elapsedUs()), ms);
  }
});
