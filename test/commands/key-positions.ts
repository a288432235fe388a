/**
 * Keys of requests, for all of redis-server's commands: their key specs are taken from the recorded reference, the
 * expected keys from its replies to COMMAND GETKEYS.
 */
import test from 'ava';
import { KeyPositions, findKeys, keyRangeOf } from '../../lib/commands/key-positions.js';
import type { CommandSpec, Flag, KeySpec } from '../../lib/commands/spec.js';
import { Command } from '../../lib/commands/table.js';
import { Args, setArgs } from '../../lib/protocol/args.js';
import { parts } from '../support/raw-client.js';
import { type ReferenceCommand, readReferenceCommands } from '../support/reference-commands.js';
import type { RespValue } from '../support/resp-value.js';

const reference = readReferenceCommands();

test('first key, last key and step follow from the key specs', (t) => {
  for (const [name, { info }] of Object.entries(reference)) {
    const { first, last, step, isPartial } = keyRangeOf(keySpecs(info[8]!));
    t.deepEqual([first, last, step], info.slice(3, 6), name);
    t.is(isPartial, flags(info).includes('movablekeys'), name);
  }
});

/** A request, and the positions of its keys; undefined when they cannot be told. */
const requests: [request: string, positions: number[] | undefined][] = [
  ['GET a', [1]],
  ['MGET a b c', [1, 2, 3]],
  ['MSET a 1 b 2', [1, 3]],
  ['MSET a 1 b', [1, 3]],
  ['BLPOP a b 1', [1, 2]],
  ['PUBLISH a b', []],
  ['SPUBLISH a b', []],
  ['EVAL script 1 a b', [3]],
  ['EVAL script 0 a b', undefined],
  ['EVAL script 3 a b', undefined],
  ['ZUNIONSTORE d 2 a b', [1, 3, 4]],
  ['ZUNIONSTORE d 3 a b', undefined],
  ['ZUNIONSTORE d x a b', undefined],
  ['LMPOP 2 a left', [2, 3]],
  ['XREAD STREAMS a b 1 2', [2, 3]],
  ['XREAD COUNT 1 STREAMS a b c', [4]],
  ['XREAD BLOCK STREAMS 1', undefined],
  ['XREADGROUP GROUP a b STREAMS s 1', [5]],
  ['GEORADIUS k 1 2 3 m STORE a STOREDIST b', [1, 7, 9]],
  ['GEORADIUS k 1 2 3 m', [1]],
  ['SORT a BY b GET c STORE d STORE e LIMIT 1 2', [1, 9]],
  ['SORT a STORE', [1]],
  ['SORT a LIMIT 1 STORE x', [1]],
  ['MIGRATE h 1 k 0 1', [3]],
  ['MIGRATE h 1 k 0 1 KEYS a b', [3]],
  ['MIGRATE h 1 "" 0 1 KEYS a b', [7, 8]],
  ['MIGRATE h 1 "" 0 1 COPY KEYS a b', [8, 9]],
];

for (const [request, expected] of requests) {
  test(request, (t) => {
    const args = setArgs(new Args(), parts(request));
    const keys = new KeyPositions();
    const isKnown = findKeys(commandOf(args.text(0).toLowerCase()), args, keys);
    t.deepEqual(isKnown ? keys.positions.slice(0, keys.count) : undefined, expected);
  });
}

function commandOf(name: string): Command {
  const { info } = reference[name]!;
  const spec: CommandSpec = {
    name, arity: info[1] as number, flags: flags(info), keys: keySpecs(info[8]!), categories: [], group: '', since: '',
    complexity: '', summary: '', handler: () => undefined,
  };
  return new Command(spec);
}

function flags(info: ReferenceCommand['info']): Flag[] {
  return (info[2] as { set: string[] }).set.map((flag) => flag.slice(1) as Flag);
}

function keySpecs(recorded: RespValue): KeySpec[] {
  return (recorded as { set: RespValue[] }).set.map((each) => {
    const { flags: words, begin_search: begin, find_keys: find } = fields(each);
    return {
      flags: (words as { set: string[] }).set.map((word) => word.slice(1)).join(' '),
      begin: beginOf(fields(begin!)),
      find: findOf(fields(find!)),
    };
  });
}

function beginOf({ type, spec }: Record<string, RespValue>): KeySpec['begin'] {
  const { index, keyword, startfrom } = fields(spec!);
  if (type === 'unknown') return 'unknown';
  return type === 'index' ? (index as number) : { keyword: keyword as string, from: startfrom as number };
}

function findOf({ type, spec }: Record<string, RespValue>): KeySpec['find'] {
  const given = fields(spec!) as Record<string, number>;
  if (type === 'unknown') return 'unknown';
  if (type === 'range') return { last: given.lastkey!, step: given.keystep!, limit: given.limit! };
  return { count: given.keynumidx!, first: given.firstkey!, step: given.keystep! };
}

function fields(value: RespValue): Record<string, RespValue> {
  return Object.fromEntries((value as { map: [string, RespValue][] }).map);
}
