/** The request decoder under random bytes: neither what is in a request nor how it is cut brings it down. */
import test from 'ava';
import fc from 'fast-check';
import { Args } from '../../lib/protocol/args.js';
import { COMPLETE, MALFORMED, RequestDecoder } from '../../lib/protocol/request-decoder.js';
import { encode } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';

const RUNS = 2000;
const limits = { bulkBytesMax: 1024 * 1024, isAuthRequired: false };

interface Decoded {
  requests: string[][];
  failure: string;
  /** Bytes that wait for more. */
  pendingBytes: number;
}

/** Decodes chunks as a connection does: all are read into one buffer, which is written over again and again. */
function decode(chunks: readonly Buffer[]): Decoded {
  const decoder = new RequestDecoder(limits);
  const shared = Buffer.alloc(Math.max(1, ...chunks.map((chunk) => chunk.length)));
  const requests: string[][] = [];
  for (const chunk of chunks) {
    shared.fill(0x2a);
    chunk.copy(shared);
    decoder.feed(shared.subarray(0, chunk.length));
    let status = decoder.next();
    for (; status === COMPLETE; status = decoder.next()) requests.push(textsOf(decoder));
    if (status === MALFORMED) return { requests, failure: decoder.failure, pendingBytes: 0 };
  }
  return { requests, failure: '', pendingBytes: decoder.pendingBytes };
}

function textsOf({ args }: RequestDecoder): string[] {
  return Array.from({ length: args.count }, (_, i) => args.text(i));
}

/** What several decoders that share their `Args` decode, when they are fed a chunk each in turn. */
function decodeTogether(streams: readonly (readonly Buffer[])[]): string[][][] {
  const args = new Args();
  const all = streams.map((chunks) => {
    return { chunks, decoder: new RequestDecoder(limits, args), requests: [] as string[][] };
  });
  for (let turn = 0; all.some(({ chunks }) => turn < chunks.length); turn++) {
    for (const { chunks, decoder, requests } of all) {
      if (turn >= chunks.length) continue;
      decoder.feed(chunks[turn]!);
      while (decoder.next() === COMPLETE) requests.push(textsOf(decoder));
      decoder.rest();
    }
  }
  return all.map(({ requests }) => requests);
}

/** `bytes` cut at these places, whatever their order. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const inside = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  return [0, ...inside].map((place, i) => bytes.subarray(place, inside[i] ?? bytes.length));
}

const argument = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const request = fc.array(argument, { minLength: 1, maxLength: 20 });
const pipeline = fc.array(request, { minLength: 1, maxLength: 10 });
const places = fc.array(fc.nat({ max: 100_000 }), { maxLength: 30 });
const piece = fc.oneof(
  fc.constantFrom('*', '$', '\r\n', '\n', '\r', '-1', '0', '3', '1048577', '99999999999', '*1\r\n$4\r\nPING\r\n', 'GET a\r\n', '"', "'", '\\x', ' '),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
);
const garbage = fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'));
const mutated = fc
  .tuple(pipeline, fc.array(fc.tuple(fc.nat({ max: 100_000 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }))
  .map(([requests, changes]) => {
    const bytes = Buffer.concat(requests.map(encode));
    for (const [place, byte] of changes) bytes[place % bytes.length] = byte;
    return bytes;
  });

test('requests come out as they went in, wherever the chunks are cut', (t) => {
  const property = fc.property(pipeline, places, (requests, where) => {
    const decoded = decode(cut(Buffer.concat(requests.map(encode)), where));
    const sent = requests.map((args) => args.map((arg) => arg.toString('latin1')));
    return JSON.stringify(decoded) === JSON.stringify({ requests: sent, failure: '', pendingBytes: 0 });
  });
  t.notThrows(() => fc.assert(property, { seed: seedOf(t), numRuns: RUNS }));
});

for (const [name, input] of [['garbage', garbage], ['a pipeline with some bytes changed', mutated]] as const) {
  test(`${name} gives the same requests and the same failure, whole or in chunks`, (t) => {
    const property = fc.property(input, places, (bytes, where) => {
      const whole = decode([bytes]);
      const inChunks = decode(cut(bytes, where));
      return JSON.stringify(whole) === JSON.stringify(inChunks) && whole.pendingBytes <= bytes.length;
    });
    t.notThrows(() => fc.assert(property, { seed: seedOf(t), numRuns: RUNS }));
  });
}

test('decoders whose requests never run at the same time may share their arguments, also in the midst of a request', (t) => {
  const streams = fc.array(fc.tuple(pipeline, places), { minLength: 2, maxLength: 4 });
  const property = fc.property(streams, (all) => {
    const decoded = decodeTogether(all.map(([requests, where]) => cut(Buffer.concat(requests.map(encode)), where)));
    const sent = all.map(([requests]) => requests.map((args) => args.map((arg) => arg.toString('latin1'))));
    return JSON.stringify(decoded) === JSON.stringify(sent);
  });
  t.notThrows(() => fc.assert(property, { seed: seedOf(t), numRuns: RUNS / 4 }));
});

test('byte by byte as well', (t) => {
  const property = fc.property(fc.oneof(garbage, mutated), (bytes) => {
    return JSON.stringify(decode([bytes])) === JSON.stringify(decode([...bytes].map((byte) => Buffer.from([byte]))));
  });
  t.notThrows(() => fc.assert(property, { seed: seedOf(t), numRuns: RUNS / 10 }));
});

test('lengths that are only announced take no memory', (t) => {
  const beforeBytes = process.memoryUsage().arrayBuffers;
  const decoders = Array.from({ length: 100 }, () => new RequestDecoder({ ...limits, bulkBytesMax: 2 ** 29 }));
  for (const decoder of decoders) {
    decoder.feed(Buffer.from('*1000000\r\n$536870912\r\nx'));
    t.is(decoder.next(), 0);
  }
  t.true(process.memoryUsage().arrayBuffers - beforeBytes < 1024 * 1024);
});
