/** The reclaimer: everything is freed once, whatever is added meanwhile, in slices of any length. */
import test from 'ava';
import { Reclaimer } from '../../lib/store/reclaimer.js';

/** Adds work of `steps` steps, the last of which adds `children`. */
function work(
  reclaimer: Reclaimer, name: string, steps: number, done: string[], children: readonly string[] = [],
): void {
  let left = steps;
  reclaimer.add(() => {
    if (--left > 0) return true;
    for (const child of children) work(reclaimer, child, 2, done);
    done.push(name);
    return false;
  });
}

for (const [slices, isOver] of [['one slice', () => false], ['slices of one step', () => true]] as const) {
  test(`what work adds is done too, in ${slices}`, (t) => {
    const reclaimer = new Reclaimer();
    let starts = 0;
    reclaimer.onWork = () => {
      starts++;
    };
    const done: string[] = [];
    work(reclaimer, 'first', 3, done, ['a', 'b']);
    work(reclaimer, 'second', 1, done);
    t.is(reclaimer.pending, 2);
    while (reclaimer.run(isOver));
    t.is(reclaimer.pending, 0);
    t.is(starts, 1);
    t.deepEqual(done.sort(), ['a', 'b', 'first', 'second']);
    work(reclaimer, 'third', 1, done);
    t.is(starts, 2);
  });
}

test('a million deleted buckets are freed in time that grows with their number', (t) => {
  const reclaimer = new Reclaimer();
  let freed = 0;
  for (let i = 0; i < 1_000_000; i++) {
    reclaimer.add(() => {
      freed++;
      return false;
    });
  }
  t.timeout(10_000);
  while (reclaimer.run(() => true));
  t.is(freed, 1_000_000);
});
