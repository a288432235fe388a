/** When the next write to the log begins with `appendfsync always`. */
import test, { type ExecutionContext } from 'ava';
import { Gathering } from '../../lib/persistence/gathering.js';
import { waitFor } from '../support/wait-for.js';

class Writer {
  pending = 0;
  ends = 0;
  readonly gathering = new Gathering(() => this.pending, () => this.ends++);

  constructor(t: ExecutionContext) {
    t.teardown(() => this.gathering.stop());
  }

  /** The gathering that a sync begins, of which nobody comes back but one, has ended. */
  async endInVain(): Promise<void> {
    const { ends } = this;
    this.pending = 1;
    this.gathering.begin(10);
    await waitFor(() => this.ends > ends, 'the end');
  }
}

test('a write waits until as many records are there as the last sync and its time had', (t) => {
  const writer = new Writer(t);
  t.true(writer.gathering.isOver(), 'the first does not wait');
  writer.pending = 2;
  writer.gathering.begin(3);
  t.false(writer.gathering.isOver());
  writer.pending = 4;
  t.false(writer.gathering.isOver());
  writer.pending = 5;
  t.true(writer.gathering.isOver());
  writer.pending = 0;
  t.true(writer.gathering.isOver(), 'until the next sync nothing waits');
});

test('who does not come back is not waited for, and then not behind the next syncs', async (t) => {
  const writer = new Writer(t);
  for (const passes of [1, 3, 7, 15, 15]) {
    await writer.endInVain();
    t.true(writer.gathering.isOver());
    for (let pass = 0; pass < passes; pass++) {
      writer.gathering.begin(10);
      t.true(writer.gathering.isOver(), `pass ${pass + 1} of ${passes}`);
    }
  }
  writer.pending = 0;
  writer.gathering.begin(10);
  t.false(writer.gathering.isOver());
  writer.pending = 10;
  t.true(writer.gathering.isOver(), 'all came back');
  await writer.endInVain();
  writer.gathering.begin(10);
  t.true(writer.gathering.isOver());
  writer.gathering.begin(10);
  t.false(writer.gathering.isOver(), 'it begins with one pass again');
});
