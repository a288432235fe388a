/** Foresight looks where the requests will look, and changes nothing. */
import test from 'ava';
import { AHEAD_MAX, RequestsAhead } from '../../lib/protocol/requests-ahead.js';
import type { ByteTable } from '../../lib/store/byte-table.js';
import { createHash, updateField } from '../../lib/store/hash-value.js';
import type { Keyspace } from '../../lib/store/keyspace.js';
import { Store } from '../../lib/store/store.js';
import { putString } from '../../lib/store/string-value.js';
import { sliceOf } from '../../lib/util/bytes.js';
import { encode } from '../support/raw-client.js';

const FIELDS = 2000;

/** A database with many strings and a hash that has a table of its own. */
function fill(db: Keyspace, strings: number): void {
  const value = sliceOf('value');
  for (let i = 0; i < strings; i++) {
    const key = sliceOf(`key:${i}`);
    putString(db, key, db.find(key), value, 0);
  }
  const key = sliceOf('hash');
  db.find(key);
  createHash(db, key);
  for (let i = 0; i < FIELDS; i++) updateField(db, key, db.find(key), sliceOf(`field:${i}`), value);
}

/** The refs that a table gives while `run` runs, 0 for what is not there. */
function given(table: ByteTable, run: () => void): number[] {
  const refs: number[] = [];
  const likelyRef = table.likelyRef.bind(table);
  table.likelyRef = (hash) => {
    const ref = likelyRef(hash);
    refs.push(ref);
    return ref;
  };
  run();
  table.likelyRef = likelyRef;
  return refs;
}

function ahead(...requests: string[][]): RequestsAhead {
  const noted = new RequestsAhead();
  const bytes = Buffer.concat(requests.map((each) => encode(each)));
  noted.look(bytes, 0, bytes.length);
  return noted;
}

test('the entries of buckets are read that the requests name, and of missing ones none', (t) => {
  const db = new Store().databases[0]!;
  fill(db, 30_000);
  const names = Array.from({ length: AHEAD_MAX }, (_, i) => (i % 5 === 0 ? `missing:${i}` : `key:${i * 900}`));
  const found = names.map((name) => db.find(sliceOf(name)));
  const refs = given(db.table, () => db.store.foresight.fetch(db, ahead(...names.map((name) => ['GET', name]))));
  t.deepEqual(refs, found);
  t.true(found.some((ref) => ref === 0) && found.some((ref) => ref !== 0));
});

test('members are looked for in the index of their large hash', (t) => {
  const db = new Store().databases[0]!;
  fill(db, 30_000);
  const { memberIndex } = db.store.structure(db.handleOf(db.find(sliceOf('hash'))));
  const fields = ['field:7', 'field:1999', 'none', 'field:42'];
  const found = fields.map((field) => memberIndex!.find(sliceOf(field)));
  const requests = ahead(['HGET', 'key:1', 'field:7'], ...fields.map((field) => ['HGET', 'hash', field]), ['HLEN', 'hash']);
  t.deepEqual(given(memberIndex!, () => db.store.foresight.fetch(db, requests)), found);
});

test('where there are few buckets and all are small, nothing is looked at', (t) => {
  const db = new Store().databases[0]!;
  fill(db, 10);
  const key = sliceOf('hash');
  db.remove(key, db.find(key));
  t.deepEqual(given(db.table, () => db.store.foresight.fetch(db, ahead(['GET', 'key:1'], ['GET', 'key:2']))), []);
});
