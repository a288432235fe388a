/**
 * The other direction of lib/commands/syntax.ts: the arguments of a recorded COMMAND DOCS as a syntax line. A failing
 * comparison shows with it what the record's `syntax` should say.
 */
import type { RespValue } from './resp-value.js';
import { type ArgumentType, typeOfName } from '../../lib/commands/syntax.js';

interface Recorded {
  name: string;
  type: ArgumentType;
  token?: string;
  flags: string[];
  arguments: Recorded[];
}

/** The syntax line for the `arguments` of a COMMAND DOCS entry in RESP3. */
export function writeSyntax(docs: RespValue): string {
  return (docs as RespValue[]).map((each) => item(recorded(each))).join(' ');
}

/**
 * The tree without what a syntax line cannot say: since, the names of tokens, choices and blocks, and a block around
 * one argument.
 */
export function comparableArguments(docs: RespValue): RespValue[] {
  return (docs as RespValue[]).map((each): RespValue => {
    const { name, type, key_spec_index: keySpec, token, flags, arguments: given } = fields(each);
    const parts = given === undefined ? undefined : comparableArguments(given);
    if (type === 'block' && parts?.length === 1) return unwrapped(token, wordsOf(flags), parts[0]!);
    const isNamed = type !== 'pure-token' && type !== 'oneof' && type !== 'block';
    return entries({ name: isNamed ? name : undefined, type, key_spec_index: keySpec, token, flags, arguments: parts });
  });
}

/** The one argument of a block, with the block's token and flags. */
function unwrapped(token: RespValue | undefined, flags: readonly string[], only: RespValue): RespValue {
  const inner = fields(only);
  const all = new Set([...flags, ...wordsOf(inner.flags)]);
  const set = FLAG_ORDER.filter((flag) => all.has(flag));
  const { name, type, key_spec_index: keySpec, arguments: parts } = inner;
  const both = { token: token ?? inner.token, flags: set.length > 0 ? { set } : undefined };
  return entries({ name, type, key_spec_index: keySpec, ...both, arguments: parts });
}

function wordsOf(flags: RespValue | undefined): string[] {
  return (flags as { set: string[] } | undefined)?.set ?? [];
}

function entries(argument: Record<string, RespValue | undefined>): RespValue {
  return { map: Object.entries(argument).filter((entry): entry is [string, RespValue] => entry[1] !== undefined) };
}

const FLAG_ORDER = ['+optional', '+multiple', '+multiple_token'];

function fields(value: RespValue): Record<string, RespValue | undefined> {
  return Object.fromEntries((value as { map: [string, RespValue][] }).map);
}

function recorded(value: RespValue): Recorded {
  const { name, type, token, flags, arguments: parts } = fields(value);
  return {
    name: name as string,
    type: type as ArgumentType,
    ...(token === undefined ? {} : { token: token === '' ? '""' : (token as string) }),
    flags: wordsOf(flags).map((flag) => flag.slice(1)),
    arguments: parts === undefined ? [] : (parts as RespValue[]).map(recorded),
  };
}

function item(argument: Recorded, isWhole = false): string {
  const { flags } = argument;
  const isOptional = flags.includes('optional');
  if (!flags.includes('multiple')) {
    return isOptional ? `[${behindToken(argument, true)}]` : behindToken(argument, isWhole);
  }
  if (flags.includes('multiple_token')) {
    const once = behindToken(argument, false);
    return isOptional ? `[${once} [${once} ...]]` : `${once} [${once} ...]`;
  }
  const once = content(argument, false);
  const repeated = argument.token === undefined ? `${once} [${once} ...]` : `${argument.token} ${once} [${once} ...]`;
  if (!isOptional) return repeated;
  return argument.token === undefined ? `[${once} ...]` : `[${repeated}]`;
}

function behindToken(argument: Recorded, isWhole: boolean): string {
  if (argument.type === 'pure-token') return argument.token!;
  if (argument.token === undefined) return content(argument, isWhole);
  if (argument.type !== 'block') return `${argument.token} ${content(argument, false)}`;
  const hasOptional = argument.arguments.some((each) => each.flags.includes('optional'));
  return `${argument.token} ${hasOptional ? `<${parts(argument)}>` : parts(argument)}`;
}

/** The argument without its token; `isWhole` when brackets already stand around it. */
function content(argument: Recorded, isWhole: boolean): string {
  if (argument.type === 'block') return isWhole || argument.flags.includes('multiple') ? parts(argument) : `<${parts(argument)}>`;
  if (argument.type === 'oneof') {
    const alternatives = argument.arguments.map((each) => item(each, true)).join('|');
    return isWhole ? alternatives : `<${alternatives}>`;
  }
  return argument.type === typeOfName(argument.name) ? argument.name : `${argument.name}:${argument.type}`;
}

/** A token takes in all that follows it, unless it is put in brackets with its own. */
function parts(argument: Recorded): string {
  const isAlone = (index: number): boolean => {
    const next = argument.arguments[index + 1];
    return next === undefined || next.token !== undefined || next.flags.includes('optional');
  };
  return argument.arguments.map((each, i) => (each.token === undefined || each.type === 'pure-token' || isAlone(i) ? item(each) : `<${item(each)}>`)).join(' ');
}
