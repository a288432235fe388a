/** The shard map: its grammar, what it refuses, and its look-up against a plain model. */
import test from 'ava';
import fc from 'fast-check';
import { parseNodes } from '../../lib/cluster/node-address.js';
import { ShardMapError, parseRange } from '../../lib/cluster/range.js';
import { NO_OWNER, ShardMap, routingName } from '../../lib/cluster/shard-map.js';
import { seedOf } from '../support/seed.js';

function ownerOf(map: ShardMap, name: string | Buffer): string | undefined {
  const bytes = Buffer.from(name as string, 'latin1');
  const padded = Buffer.concat([Buffer.from('??'), bytes, Buffer.from('{x}')]);
  const owner = map.ownerOf(padded, 2, bytes.length);
  return owner === NO_OWNER ? undefined : map.owners[owner];
}

const map = ShardMap.parse('a-m=foo,n-z=bar,*=baz');

for (const [name, owner] of [
  ['apple', 'foo'], ['a', 'foo'], ['m', 'foo'], ['mzzz', 'foo'], ['n', 'bar'], ['z\xff\xff', 'bar'], ['{', 'baz'],
  ['A', 'baz'], ['7up', 'baz'], ['', 'baz'], ['\x00', 'baz'], ['\xff', 'baz'], ['{n}apple', 'bar'], ['zoo{a}{n}', 'foo'],
  ['a{}n', 'foo'], ['n{a', 'bar'], ['n}a{', 'bar'], ['x{{a}}', 'baz'],
] as const) {
  test(`a-m=foo,n-z=bar,*=baz: ${JSON.stringify(name)} belongs to ${owner}`, (t) => t.is(ownerOf(map, name), owner));
}

test('ranges are inclusive by prefix, at any length', (t) => {
  const fine = ShardMap.parse('ca-cm=one,cn-d=two,\\x00-\\x1f=three,x=four,\\xff=five');
  const expected: Record<string, string | undefined> = {
    c: undefined, ca: 'one', cab: 'one', cm: 'one', cmzz: 'one', cn: 'two', d: 'two', dzz: 'two', e: undefined,
    '\x00': 'three', '\x1f~': 'three', ' ': undefined, x: 'four', xyz: 'four', y: undefined, '\xff\xff': 'five',
  };
  for (const [name, owner] of Object.entries(expected)) t.is(ownerOf(fine, name), owner, JSON.stringify(name));
});

test('the routing name is the hash tag, if there is one with something in it', (t) => {
  const routed = (name: string): string => routingName(Buffer.from(name)).toString();
  t.is(routed('{user1}.name'), 'user1');
  t.is(routed('a{b}c{d}'), 'b');
  t.is(routed('a{}c{d}'), 'a{}c{d}');
  t.is(routed('a{b'), 'a{b');
});

for (const [shards, text] of [
  ['a-m=foo,k-p=bar', "'k-p=bar' overlaps 'a-m=foo': both take \"k\"; end one range before the other begins"],
  ['a-c=foo,cx=bar', "'cx=bar' overlaps 'a-c=foo'"],
  ['m-a=foo', "'m-a=foo': 'm-a' is reversed: its first name is above its last; write it as 'a-m'"],
  ['=foo', "'=foo': the range is empty: write what it covers, as in 'a-m', or '*' for the rest"],
  ['a-=foo', "'a-=foo': 'a-' is not a range: write 'a-m', 'x' or '*', and a dash in a name as \\x2d"],
  ['a-b-c=foo', "'a-b-c' is not a range"],
  ['a\\q=foo', "behind a backslash stands xHH, as in '\\x5c'"],
  ['\u00e9=foo', 'write bytes that are not printable ASCII as \\xHH'],
  ['a-m', "'a-m' names no node: write range=node, as in 'a-m=foo'"],
  ['*=foo,*=bar', "'*=bar' stands beside another '*': keep one of the two"],
  [' , ', "the map is empty: write at least '*=<node>'"],
] as const) {
  test(`refused: shards ${shards}`, (t) => {
    const error = t.throws(() => ShardMap.parse(shards), { instanceOf: ShardMapError });
    t.true(error.message.startsWith('shards: '), error.message);
    t.true(error.message.includes(text), error.message);
  });
}

for (const [nodes, text] of [
  ['bar', "'bar' has no address: write 'bar=host:port'"],
  ['bar=', "'bar' has no address"],
  ['bar=localhost', "'bar=localhost' is not an address"],
  ['bar=localhost:0', 'is not an address'],
  ['bar=redis://:secret@', "'bar=redis://***@' is not an address"],
  ['=localhost:1', 'has no name'],
  ['b=h:1,b=h:2', "'b' stands there twice"],
] as const) {
  test(`refused: nodes ${nodes}`, (t) => {
    const error = t.throws(() => parseNodes(nodes), { instanceOf: ShardMapError });
    t.true(error.message.includes(text), error.message);
  });
}

test('addresses', (t) => {
  const nodes = parseNodes('foo=localhost:16379, bar=unix:/tmp/bar.sock,baz=redis://me:p%40ss@h:7,six=[::1]:5,old=redis://h');
  t.deepEqual(nodes.get('foo'), { kind: 'pigeonhole', shown: 'localhost:16379', host: 'localhost', port: 16379 });
  t.deepEqual(nodes.get('bar'), { kind: 'pigeonhole', shown: 'unix:/tmp/bar.sock', path: '/tmp/bar.sock' });
  t.deepEqual(nodes.get('baz'), { kind: 'redis', shown: 'redis://h:7', host: 'h', port: 7, user: 'me', password: 'p@ss' });
  t.is(nodes.get('six')!.host, '::1');
  t.is(nodes.get('old')!.port, 6379);
});

test('a gap is told, and so is why a name in it has no owner', (t) => {
  const gappy = ShardMap.parse('a-m=foo,ox-oz=bar');
  t.deepEqual(gappy.gaps(), ['from "" to below "a"', 'from "n" to below "ox"', 'from "o{" on']);
  const why = (name: string): string => gappy.describeGap(Buffer.from(name, 'latin1'));
  t.is(why('7up'), 'no shard owns "7up": no range covers byte 0x37 ("7")');
  t.is(why('oa'), 'no shard owns "oa": no range covers "oa"');
  t.is(why('\xff'), 'no shard owns "\\xff": no range covers byte 0xff ("\\xff")');
  t.is(why(''), 'no shard owns "": no range covers the empty name');
  t.deepEqual(map.gaps(), []);
});

test('maps that mean the same have the same fingerprint, and others do not', (t) => {
  const print = (text: string): string => ShardMap.parse(text).fingerprint;
  t.is(print('a-m=foo,n-z=bar,*=foo'), print('n-z=bar,*=foo'));
  t.is(print('a-c=foo,d-m=foo'), print('a-m=foo'));
  t.not(print('a-m=foo'), print('a-m=bar'));
  t.not(print('a-m=foo'), print('a-m=foo,n=bar'));
  t.regex(print('a-m=foo'), /^[0-9a-f]{12}$/);
});

// The model knows ranges as they are defined: a name is in one when its prefixes are between the ends.

interface Ends {
  from: Buffer;
  last: Buffer;
}

function isIn(name: Buffer, { from, last }: Ends): boolean {
  return name.compare(from) >= 0 && name.subarray(0, last.length).compare(last) <= 0;
}

const end = fc.uint8Array({ minLength: 1, maxLength: 3 }).map((bytes) => Buffer.from(bytes.map((byte) => byte & 0xc3)));
const hex = (bytes: Buffer): string => [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');

test('look-up agrees with the definition, for any map that loads', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(end, end), { minLength: 1, maxLength: 6 }), fc.array(end), (pairs, names) => {
      const shards: string[] = [];
      const taken: Ends[] = [];
      for (const [from, last] of pairs) {
        const entry = `${hex(from)}-${hex(last)}=n${taken.length}`;
        try {
          ShardMap.parse([...shards, entry].join(','));
        } catch {
          continue;
        }
        shards.push(entry);
        taken.push({ from, last });
      }
      if (shards.length === 0) return;
      const compiled = ShardMap.parse(shards.join(','));
      for (const name of names) {
        const model = taken.findIndex((ends) => isIn(name, ends));
        t.is(ownerOf(compiled, name), model < 0 ? undefined : `n${model}`);
      }
    }),
    { seed: seedOf(t), numRuns: 2000 },
  );
});

test('two ranges are refused together exactly when a name is in both', (t) => {
  fc.assert(
    fc.property(end, end, end, end, end, (a, b, c, d, name) => {
      const isRange = (from: Buffer, last: Buffer): boolean => {
        try {
          parseRange(`${hex(from)}-${hex(last)}`);
          return true;
        } catch {
          return false;
        }
      };
      if (!isRange(a, b) || !isRange(c, d)) return;
      const [one, two] = [{ from: a, last: b }, { from: c, last: d }];
      const isInBoth = [name, a, c].some((each) => isIn(each, one) && isIn(each, two));
      const load = (): ShardMap => ShardMap.parse(`${hex(a)}-${hex(b)}=one,${hex(c)}-${hex(d)}=two`);
      if (isInBoth) t.throws(load, { instanceOf: ShardMapError });
      else t.notThrows(load);
    }),
    { seed: seedOf(t), numRuns: 5000 },
  );
});
