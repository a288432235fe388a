/**
 * Payloads that mean harm: every truncation and every flipped bit of small ones, and random damage by seed, with a
 * footer that is right. Whatever comes, RESTORE says OK or Bad data format; nothing else is changed, nothing leaks.
 */
import test, { type ExecutionContext } from 'ava';
import { listpack, payload, short, ziplist, zipmap } from '../support/payload.js';
import { readPayload, writePayload } from '../../lib/rdb/dump-payload.js';
import { RdbError } from '../../lib/rdb/rdb-error.js';
import { RdbInput } from '../../lib/rdb/rdb-input.js';
import { RdbOutput } from '../../lib/rdb/rdb-output.js';
import { mayBeSmall, readSmallValue } from '../../lib/rdb/small-value-reader.js';
import { readValue } from '../../lib/rdb/value-reader.js';
import { finish } from '../../lib/rdb/value-writer.js';
import type { Keyspace } from '../../lib/store/keyspace.js';
import { fieldExpiry } from '../../lib/store/hash-value.js';
import { Store } from '../../lib/store/store.js';
import { valueTypeOf } from '../../lib/store/value-types.js';
import { sliceOf } from '../../lib/util/bytes.js';
import { seededRandom } from '../../lib/util/random.js';
import { Draw } from '../generators/draw.js';
import { seedOf } from '../support/seed.js';

const STREAM =
  '\x13\x02\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x28\x28\x00\x00\x00\x0f\x00\x01' +
  '\x01\x01\x01\x01\x01\x81\x66\x02\x00\x01\x03\x01\x00\x01\x00\x01\x81\x76\x02\x04\x01\x02\x01\x00\x01\x01\x01' +
  '\x81\x77\x02\x04\x01\xff\x10\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x23\x23\x00\x00' +
  '\x00\x0c\x00\x01\x01\x00\x01\x02\x01\x81\x67\x02\x81\x68\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81\x78\x02\x81' +
  '\x79\x02\x05\x01\xff\x02\x02\x00\x01\x02\x01\x01\x03\x01\x01\x67\x01\x02\x02\x01\x00\x00\x00\x00\x00\x00\x00' +
  '\x01\x00\x00\x00\x00\x00\x00\x00\x02\xb8\xaa\x52\xfc\xa1\x01\x00\x00\x01\x01\x01\x63\xb8\xaa\x52\xfc\xa1\x01' +
  '\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02';

/** A small value of every form that is read. */
const FORMS: Readonly<Record<string, string>> = {
  string: '\x00\x05hello',
  'integer string': '\x00\xc2\x40\xe2\x01\x00',
  'compressed string': '\x00\xc3\x09\x15\x01aa\xe0\x08\x00\x01aa',
  list: '\x01\x03\x01a\xc0\x05\x02bc',
  set: '\x02\x02\x01a\x02bc',
  'sorted set as text': '\x03\x03\x01a\x031.5\x01b\xfe\x01c\xff',
  hash: '\x04\x02\x01a\x01b\x01c\x01d',
  'sorted set': '\x05\x01\x01a\0\0\0\0\0\0\xf0\x3f',
  zipmap: `\x09${short(zipmap([['a', 'bc'], ['de', 'f']], 2))}`,
  'list ziplist': `\x0a${short(ziplist('a', 'bc', 100, 5, 70_000))}`,
  intset: '\x0b\x0e\x02\0\0\0\x03\0\0\0\x01\0\x02\0\x03\0',
  'sorted set ziplist': `\x0c${short(ziplist('a', 1, 'b', '1.5'))}`,
  'hash ziplist': `\x0d${short(ziplist('a', 'bc', 'd', 100))}`,
  quicklist: `\x0e\x02${short(ziplist('a', 'b'))}${short(ziplist(1, 2 ** 33))}`,
  'hash listpack': `\x10${short(listpack('a', 'v', 'n', 100))}`,
  'sorted set listpack': `\x11${short(listpack('a', 1, 'b', '1.5'))}`,
  // Made by redis-server: two nodes, a deleted entry, a group with a pending entry.
  stream: STREAM,
  'quicklist 2 of one node': `\x12\x01\x02${short(listpack('a', 7, 'bc'))}`,
  'quicklist 2': `\x12\x02\x02${short(listpack('a', 7, ''))}\x01\x01x`,
};

class Target {
  readonly store = new Store({ seed: { low: 1, high: 2 }, databases: 1 });
  readonly key = sliceOf('key');
  accepted = 0;
  refused = 0;
  readAtOnce = 0;

  constructor(private readonly t: ExecutionContext) {}

  /** What a way of reading makes of a value: its payload, or that it is refused; undefined when it does not read it. */
  private outcome(read: (workbench: Keyspace) => boolean): string | undefined {
    const { workbench } = this.store;
    const { key } = this;
    workbench.find(key);
    try {
      if (!read(workbench)) return undefined;
      const output = new RdbOutput(false);
      writePayload(output, workbench, workbench.find(key));
      return output.bytes.toString('latin1', 0, output.length);
    } catch (error) {
      if (error instanceof RdbError) return 'refused';
      throw error;
    } finally {
      const ref = workbench.find(key);
      if (ref !== 0) workbench.remove(key, ref);
    }
  }

  /** What is read at one go must be what is read piece by piece. True when it was read at one go. */
  private agrees(content: string): boolean {
    const form = content.charCodeAt(0);
    if (!mayBeSmall(form)) return false;
    const input = (): RdbInput => new RdbInput(Buffer.from(content, 'latin1'), 1);
    const atOnce = this.outcome((db) => {
      const ref = readSmallValue(form, input(), db, this.key, 0);
      if (ref !== 0) db.add(this.key, ref);
      return ref !== 0;
    });
    if (atOnce === undefined) return false;
    const inPieces = this.outcome((db) => {
      finish(readValue(form, input(), db, this.key));
      return true;
    });
    if (atOnce !== inPieces) this.t.fail(`${JSON.stringify(content)}: ${atOnce} at one go, ${inPieces} in pieces`);
    return true;
  }

  /** Reads a payload; what is accepted must be whole: it is written, read again, and agrees. */
  take(content: string): void {
    const { store, key } = this;
    if (this.agrees(content)) this.readAtOnce++;
    const before = store.arena.usedBytes;
    const { workbench } = store;
    try {
      const ref = readPayload(sliceOf(payload(content)), workbench, key);
      this.accepted++;
      valueTypeOf(workbench, ref).encoding(workbench, ref);
      const output = new RdbOutput(false);
      writePayload(output, workbench, ref);
      workbench.remove(key, workbench.find(key));
      readPayload(sliceOf(Buffer.from(output.bytes.subarray(0, output.length))), workbench, key);
      workbench.remove(key, workbench.find(key));
    } catch (error) {
      if (!(error instanceof RdbError)) throw new Error(`payload ${JSON.stringify(content)}`, { cause: error });
      this.refused++;
    }
    while (store.reclaimer.run(() => false));
    const isClean = workbench.size === 0 && store.arena.usedBytes <= before;
    if (!isClean) this.t.fail(`${JSON.stringify(content)} leaves something behind`);
  }
}

for (const [name, form] of Object.entries(FORMS)) {
  test(`${name}: every truncation, every flipped bit, every byte at its ends`, (t) => {
    const target = new Target(t);
    target.take(form);
    t.is(target.accepted, 1, 'the payload itself is right');
    for (let end = 0; end < form.length; end++) target.take(form.slice(0, end));
    t.is(target.accepted, 1, 'no truncation is right');
    const put = (at: number, byte: number): void =>
      target.take(form.slice(0, at) + String.fromCharCode(byte) + form.slice(at + 1));
    for (let at = 0; at < form.length; at++) {
      for (let bit = 0; bit < 8; bit++) put(at, form.charCodeAt(at) ^ (1 << bit));
      for (const byte of [0, 0x7f, 0x80, 0x81, 0xc0, 0xf0, 0xf4, 0xfe, 0xff]) put(at, byte);
    }
    t.true(target.refused > form.length);
  });
}

test('random damage', (t) => {
  const draw = new Draw(seededRandom(seedOf(t)));
  const target = new Target(t);
  const forms = Object.values(FORMS);
  for (let round = 0; round < 40_000; round++) {
    let content = draw.pick(forms);
    for (let edits = draw.between(1, 4); edits > 0; edits--) {
      const at = draw.between(0, content.length);
      const edges = [0, 1, 0x7f, 0x80, 0x81, 0xc3, 0xff];
      const byte = String.fromCharCode(draw.chance(0.5) ? draw.below(256) : draw.pick(edges));
      content = content.slice(0, at) + (draw.chance(0.8) ? byte : '') + content.slice(at + draw.below(2));
    }
    target.take(content);
  }
  t.log(`${target.accepted} accepted, ${target.refused} refused, ${target.readAtOnce} read at one go`);
  t.true(target.readAtOnce > 1000);
  t.true(target.refused > 1000);
});

test('what is small is read at one go, what is not in pieces', (t) => {
  const target = new Target(t);
  for (const name of ['string', 'set', 'intset', 'hash', 'sorted set', 'hash ziplist', 'hash listpack', 'quicklist 2 of one node']) {
    target.take(FORMS[name]!);
  }
  t.is(target.readAtOnce, 8);
  const members = Array.from({ length: 200 }, (_, i) => `\x04m${String(i).padStart(3, '0')}`).join('');
  target.take(`\x02\x40\xc8${members}`);
  target.take(`\x02\x02\xc0\x05\x01a`);
  target.take('\x05\x01\x01a\0\0\0\0\0\0\0\x80');
  t.deepEqual([target.readAtOnce, target.accepted], [8, 11]);
});

test('a field that is an integer keeps its own name when it expires', (t) => {
  const { store, key } = new Target(t);
  const content = `\x19\x64\0\0\0\0\0\0\0${short(listpack(5, 'v', 100))}`;
  const ref = readPayload(sliceOf(payload(content)), store.workbench, key);
  t.is(fieldExpiry(store.workbench, ref, sliceOf('5')), 100);
});

/** Claims of counts and lengths that nothing stands behind. */
const CLAIMS: Readonly<Record<string, string>> = {
  'a string of 4 GB': '\x00\x80\xff\xff\xff\xff',
  'a string of 2 ** 63 bytes': '\x00\x81\x7f\xff\xff\xff\xff\xff\xff\xff',
  'a string of 2 ** 64 - 1 bytes': '\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff',
  'a compressed string of 4 GB': '\x00\xc3\x03\x80\xff\xff\xff\xff\x01aa',
  'a list of 2 ** 62 elements': '\x01\x81\x40\0\0\0\0\0\0\0\x01a',
  'a set of 4 G members': '\x02\x80\xff\xff\xff\xff\x01a',
  'a hash of 4 G fields': '\x04\x80\xff\xff\xff\xff\x01a\x01b',
  'a sorted set of 4 G members': '\x05\x80\xff\xff\xff\xff\x01a\0\0\0\0\0\0\0\0',
  'no elements': '\x01\x00',
  'a set with a member twice': '\x02\x02\x01a\x01a',
  'a set with an integer twice': '\x02\x02\xc0\x05\x015',
  'a hash with a field twice': '\x04\x02\x01a\x01b\x01a\x01c',
  'a sorted set with a member twice': '\x05\x02\x01a\0\0\0\0\0\0\0\0\x01a\0\0\0\0\0\0\0\0',
  'a score that is no number': '\x05\x01\x01a\0\0\0\0\0\0\xf8\x7f',
  'an intset out of order': '\x0b\x0c\x02\0\0\0\x02\0\0\0\x02\0\x01\0',
  'an intset of a width that there is not': '\x0b\x0b\x03\0\0\0\x01\0\0\0\x02\0\x01',
  'a module': '\x07\x81\0\0\0\0\0\0\0\0\0',
  'a form that there is not': '\x63\x00',
};

for (const [name, content] of Object.entries(CLAIMS)) {
  test(`refused: ${name}`, (t) => {
    const target = new Target(t);
    target.take(content);
    t.is(target.refused, 1);
  });
}
