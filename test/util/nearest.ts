import test from 'ava';
import { nearest } from '../../lib/util/nearest.js';

const words = ['port', 'line-port', 'bind', 'databases', 'start'];
for (const [word, meant] of [
  ['prot', 'port'], ['prt', 'port'], ['pport', 'port'], ['database', 'databases'], ['stat', 'start'],
  ['line_port', 'line-port'], ['xyz', undefined], ['', undefined], ['a', undefined],
] as const) {
  test(`'${word}' ${meant === undefined ? 'is near nothing' : `means '${meant}'`}`, (t) => {
    t.is(nearest(word, words), meant);
  });
}
