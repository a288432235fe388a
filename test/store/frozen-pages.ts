/** The pages of a list as they were, while the list changes in every way, against a plain array under a seed. */
import test from 'ava';
import { Arena } from '../../lib/store/arena.js';
import { EncodingLimits } from '../../lib/store/encoding-limits.js';
import { PagedList } from '../../lib/store/paged-list.js';
import { Reclaimer } from '../../lib/store/reclaimer.js';
import { sliceOf } from '../../lib/util/bytes.js';
import { seededRandom } from '../../lib/util/random.js';
import { Draw } from '../generators/draw.js';
import { seedOf } from '../support/seed.js';

/** Short, and of few different lengths and values: some replace others in place, some are removed by value. */
const element = (draw: Draw): string => 'ab'[draw.below(2)]!.repeat(draw.between(1, 3));

/** Changes the list and its model. Pieces are taken out of the middle too, which no command does. */
function change(list: PagedList, model: string[], draw: Draw): void {
  const text = element(draw);
  const slice = sliceOf(text);
  const index = draw.below(draw.chance(0.5) ? 20 : model.length);
  switch (draw.below(6)) {
    case 0:
      list.push(true, slice);
      model.unshift(text);
      return;
    case 1:
      list.push(false, slice);
      model.push(text);
      return;
    case 2:
      list.insert(index, slice);
      model.splice(index, 0, text);
      return;
    case 3:
      list.set(index, slice);
      model[index] = text;
      return;
    case 4: {
      const count = Math.min(draw.pick([1, 2, 30]), model.length - index);
      list.remove(index, count);
      model.splice(index, count);
      return;
    }
    default: {
      const most = draw.between(1, 3);
      list.removeEqual(slice, most, true);
      for (let left = most; left > 0 && model.includes(text); left--) model.splice(model.indexOf(text), 1);
    }
  }
}

test('pages that are frozen stay as they were until they are read, and leave nothing', (t) => {
  const draw = new Draw(seededRandom(seedOf(t)));
  const arena = new Arena();
  const reclaimer = new Reclaimer();
  const limits = new EncodingLimits();
  limits.listPageElementsMax = 8;
  const list = new PagedList(arena, reclaimer, limits);
  const model: string[] = [];
  for (let round = 0; round < 60; round++) {
    while (model.length < 400) {
      const text = element(draw);
      list.push(false, sliceOf(text));
      model.push(text);
    }
    // A page that was begun at the head has its room in front: what is joined to it makes it slide.
    for (let i = draw.below(12); i > 0; i--) {
      list.push(true, sliceOf('head'));
      model.unshift('head');
    }
    const frozen = list.freeze();
    const before = [...model];
    const found: string[] = [];
    const readsAll = draw.chance(0.7);
    for (let pages = 0; pages < (readsAll ? Infinity : 20); pages++) {
      for (let i = draw.below(round / 2); i > 0 && model.length > 100; i--) change(list, model, draw);
      while (reclaimer.run(() => false));
      if (!frozen.readPage((each) => found.push(each.text()))) break;
    }
    while (frozen.skipPages());
    frozen.release();
    t.deepEqual(found, readsAll ? before : before.slice(0, found.length));
    t.is(list.length, model.length);
  }
  while (list.dismantle());
  while (reclaimer.run(() => false));
  t.is(arena.usedBytes, new Arena().usedBytes);
});
