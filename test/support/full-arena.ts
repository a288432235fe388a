/** An arena that is full. */
import { Arena, OutOfArena } from '../../lib/store/arena.js';

/** The arena has no room from allocation number `at` from now to `end`, which gives whether it was asked for it. */
export function fillUp(arena: Arena, at: number): { end: () => boolean } {
  let left = at;
  let isAsked = false;
  const hasRoom = (): boolean => {
    if (left === 0) isAsked = true;
    return left > 0;
  };
  arena.allocate = (byteCount) => {
    if (!hasRoom()) throw new OutOfArena();
    left--;
    return Arena.prototype.allocate.call(arena, byteCount);
  };
  Object.defineProperty(arena, 'canGrow', { get: hasRoom, configurable: true });
  return {
    end: () => {
      Reflect.deleteProperty(arena, 'allocate');
      Reflect.deleteProperty(arena, 'canGrow');
      return isAsked;
    },
  };
}
