/** The grammar of syntax lines: its parts one by one, and that it can say what every command of redis-server takes. */
import test from 'ava';
import { type Argument, readSyntax } from '../../lib/commands/syntax.js';
import { readReferenceCommands } from '../support/reference-commands.js';
import type { RespValue } from '../support/resp-value.js';
import { comparableArguments, writeSyntax } from '../support/syntax-writer.js';

const integer = (name: string): Argument => ({ name, type: 'integer' });
const word = (token: string): Argument => ({ name: token.toLowerCase(), type: 'pure-token', token });

const lines: [syntax: string, ...Argument[]][] = [
  ['key value', { name: 'key', type: 'key' }, { name: 'value', type: 'string' }],
  ['[NX|XX]', { name: 'nx_xx', type: 'oneof', arguments: [word('NX'), word('XX')], isOptional: true }],
  ['timeout:integer', integer('timeout')],
  ['COUNT count', { ...integer('count'), token: 'COUNT' }],
  ['[LIMIT offset count]', {
    name: 'offset_count', type: 'block', arguments: [integer('offset'), integer('count')], token: 'LIMIT', isOptional: true,
  }],
  ['[EX seconds|KEEPTTL]', {
    name: 'seconds_keepttl', type: 'oneof', arguments: [{ ...integer('seconds'), token: 'EX' }, word('KEEPTTL')],
    isOptional: true,
  }],
  ['[AGGREGATE SUM|MIN]', {
    name: 'sum_min', type: 'oneof', arguments: [word('SUM'), word('MIN')], token: 'AGGREGATE', isOptional: true,
  }],
  ['id|$', { name: 'id_$', type: 'oneof', arguments: [{ name: 'id', type: 'string' }, word('$')] }],
  ['key [key ...]', { name: 'key', type: 'key', isMultiple: true }],
  ['[section ...]', { name: 'section', type: 'string', isMultiple: true, isOptional: true }],
  ['[GET pattern [GET pattern ...]]', {
    name: 'pattern', type: 'pattern', token: 'GET', isMultiple: true, isTokenMultiple: true, isOptional: true,
  }],
  ['[WEIGHTS weight [weight ...]]', { ...integer('weight'), isMultiple: true, token: 'WEIGHTS', isOptional: true }],
  ['field count [field count ...]', {
    name: 'field_count', type: 'block', arguments: [{ name: 'field', type: 'string' }, integer('count')], isMultiple: true,
  }],
];

for (const [syntax, ...expected] of lines) test(syntax, (t) => t.deepEqual(readSyntax(syntax), expected));

for (const syntax of ['[key', 'key]', '<a|b', '[a>']) {
  test(`${syntax} is refused`, (t) => t.throws(() => readSyntax(syntax), { message: `brackets do not match in: ${syntax}` }));
}

test('what redis-server says of the arguments of each of its commands can be said in a syntax line', (t) => {
  for (const [name, { docs }] of Object.entries(readReferenceCommands())) {
    if (docs.arguments === undefined) continue;
    const syntax = writeSyntax(docs.arguments);
    t.is(comparable(readSyntax(syntax).map(asDocs)), comparable(docs.arguments), `${name}: ${syntax}`);
  }
});

/** Which key spec an argument belongs to is not in the line. */
function comparable(docs: RespValue): string {
  return JSON.stringify(comparableArguments(docs)).replace(/\["key_spec_index",\d+\],?/g, '').replaceAll(',]', ']');
}

function asDocs({ name, type, token, isOptional, isMultiple, isTokenMultiple, arguments: parts }: Argument): RespValue {
  const flags = [isOptional && '+optional', isMultiple && '+multiple', isTokenMultiple && '+multiple_token'];
  const set = flags.filter((flag) => typeof flag === 'string');
  const map: [string, RespValue][] = [['name', name], ['type', type]];
  if (token !== undefined) map.push(['token', token]);
  if (set.length > 0) map.push(['flags', { set }]);
  if (parts !== undefined) map.push(['arguments', parts.map(asDocs)]);
  return { map };
}
