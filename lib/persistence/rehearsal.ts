/**
 * A rehearsal of a snapshot, when a node has started: two of a small store of its own, into the air, with changes
 * meanwhile. It is for V8, which compiles code for what it has seen the code do.
 *
 * Without it the first snapshot of a process is where the look-up of every command meets a guard for the first time.
 * What was compiled for commands is thrown out then, under load, and a batch of requests takes ten times as long until
 * it is compiled again; the second snapshot, whose objects are others, does the same to the code of the first. V8
 * compiles in threads that want the processors just as much. Counted with --trace-deopt, for a BGREWRITEAOF behind a
 * first BGSAVE: some 25 functions were thrown out without a rehearsal, none is with it. It costs 20 to 30 ms of CPU
 * time, in slices, when the node serves already. What the walk itself needs is still compiled in the first snapshot:
 * to be compiled here it would have to run for ten times as long.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { snapshotOptions } from './snapshot-options.js';
import { Snapshot, type WritableFile } from './snapshot.js';
import type { NodeState } from '../execution/node-state.js';
import type { Keyspace } from '../store/keyspace.js';
import { Store } from '../store/store.js';
import { putString } from '../store/string-value.js';
import { sliceOf } from '../util/bytes.js';

const BUCKETS = 100;
const CHANGES = 20;
/** The length of a value is another with each change, up to here: some find room where they are, some do not. */
const VALUE_BYTES_MAX = 120;
const FAR_FUTURE_MS = 2 ** 45;

/** Everything goes into it, and nothing comes out. */
const nowhere: WritableFile = {
  write: (pieces) => Promise.resolve(pieces.reduce((sum, { length }) => sum + length, 0)),
  sync: () => Promise.resolve(),
};

/** Resolves when it is over. The node's own store and files are not touched. */
export async function rehearseSnapshots(node: NodeState): Promise<void> {
  for (const isLogBase of [false, true]) {
    const store = new Store({ databases: 1 });
    const [db] = store.databases as [Keyspace];
    for (let i = 0; i < BUCKETS; i++) put(db, i, i);
    const snapshot = new Snapshot(store, nowhere, snapshotOptions(node, 'rdb', isLogBase));
    for (let i = 0; store.isGuarded; i++) {
      for (let each = 0; each < CHANGES; each++) change(db, (i * CHANGES + each) % BUCKETS, i);
      await turn();
    }
    await snapshot.done;
    store.empty(store.databases);
    store.reclaimer.run(() => false);
    store.arena.releaseSpares();
  }
}

function put(db: Keyspace, bucket: number, seed: number): void {
  const key = sliceOf(`key:${bucket}`);
  const value = bucket % 10 === 0 ? String(seed) : 'value '.padEnd((bucket * 7 + seed * 31) % VALUE_BYTES_MAX, 'x');
  putString(db, key, db.find(key), sliceOf(value), bucket % 3 === 0 ? FAR_FUTURE_MS : 0);
}

function change(db: Keyspace, bucket: number, seed: number): void {
  if (bucket % 7 !== 0) return put(db, bucket, seed);
  const key = sliceOf(`key:${bucket}`);
  const ref = db.find(key);
  if (ref === 0) put(db, bucket, seed);
  else db.remove(key, ref);
}
