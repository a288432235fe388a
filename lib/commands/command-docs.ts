/**
 * One command as COMMAND DOCS describes it. The summaries are our own; the arguments are read from the record's
 * syntax line, so what it does not say is not here either: since when an option is there, and the names that upstream
 * gives to choices, blocks and tokens.
 */
import { type Argument, readSyntax } from './syntax.js';
import type { Command } from './table.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';

/** Writes the map that describes a command, and a container's subcommands within it. */
export function writeCommandDocs(command: Command, reply: ReplyWriter): void {
  const { spec } = command;
  const fields: [string, () => void][] = [];
  const text = (name: string, value: string): void => void fields.push([name, () => reply.bulkText(value)]);
  text('summary', spec.summary);
  text('since', spec.since);
  text('group', spec.group);
  if (spec.complexity !== '') text('complexity', spec.complexity);
  const docFlags = [...(spec.deprecated === undefined ? [] : ['deprecated']), ...(spec.isSystem === true ? ['syscmd'] : [])];
  if (docFlags.length > 0) fields.push(['doc_flags', () => writeFlags(docFlags, reply)]);
  if (spec.deprecated !== undefined) {
    text('deprecated_since', spec.deprecated.since);
    text('replaced_by', spec.deprecated.replacedBy);
  }
  const { history, syntax } = spec;
  if (history !== undefined) fields.push(['history', () => writeHistory(history, reply)]);
  if (syntax !== undefined && syntax !== '') fields.push(['arguments', () => writeSyntax(command, syntax, reply)]);
  if (command.subcommands !== undefined) fields.push(['subcommands', () => writeSubcommands(command, reply)]);
  reply.map(fields.length);
  for (const [name, writeValue] of fields) {
    reply.bulkText(name);
    writeValue();
  }
}

function writeFlags(flags: readonly string[], reply: ReplyWriter): void {
  reply.set(flags.length);
  for (const flag of flags) reply.status(flag);
}

function writeHistory(history: readonly (readonly [string, string])[], reply: ReplyWriter): void {
  reply.set(history.length);
  for (const [since, change] of history) {
    reply.array(2);
    reply.bulkText(since);
    reply.bulkText(change);
  }
}

function writeSubcommands(command: Command, reply: ReplyWriter): void {
  reply.map(command.subcommands!.size);
  for (const subcommand of command.subcommands!.values()) {
    reply.bulkText(subcommand.fullName);
    writeCommandDocs(subcommand, reply);
  }
}

/**
 * Arguments that are keys say by which of the record's key specs; they come in its order. Where patterns name keys
 * (SORT), they say it too: the first key spec that cannot tell where its keys are is theirs.
 */
function writeSyntax(command: Command, syntax: string, reply: ReplyWriter): void {
  const keys = command.spec.keys ?? [];
  const described = readSyntax(syntax);
  const patternSpec = described.some(isPattern) ? keys.findIndex(({ begin }) => begin === 'unknown') : -1;
  let keyArguments = 0;
  const keySpecOf = (argument: Argument): number | undefined => {
    if (isPattern(argument) && patternSpec >= 0) return patternSpec;
    if (argument.type !== 'key' || keys.length === 0) return undefined;
    if (keyArguments === patternSpec) keyArguments++;
    return Math.min(keyArguments++, keys.length - 1);
  };
  writeArguments(described, keySpecOf, reply);
}

function isPattern({ type }: Argument): boolean {
  return type === 'pattern';
}

type KeySpecOf = (argument: Argument) => number | undefined;

function writeArguments(list: readonly Argument[], keySpecOf: KeySpecOf, reply: ReplyWriter): void {
  reply.array(list.length);
  for (const argument of list) writeArgument(argument, keySpecOf, reply);
}

function writeArgument(argument: Argument, keySpecOf: KeySpecOf, reply: ReplyWriter): void {
  const keySpec = keySpecOf(argument);
  const flags = [
    ...(argument.isOptional === true ? ['optional'] : []),
    ...(argument.isMultiple === true ? ['multiple'] : []),
    ...(argument.isTokenMultiple === true ? ['multiple_token'] : []),
  ];
  const { token, arguments: parts } = argument;
  const isThere = [keySpec !== undefined, token !== undefined, flags.length > 0, parts !== undefined];
  reply.map(2 + isThere.filter(Boolean).length);
  reply.bulkText('name');
  reply.bulkText(argument.name);
  reply.bulkText('type');
  reply.bulkText(argument.type);
  if (keySpec !== undefined) {
    reply.bulkText('key_spec_index');
    reply.integer(keySpec);
  }
  if (token !== undefined) {
    reply.bulkText('token');
    reply.bulkText(token);
  }
  if (flags.length > 0) {
    reply.bulkText('flags');
    writeFlags(flags, reply);
  }
  if (parts !== undefined) {
    reply.bulkText('arguments');
    writeArguments(parts, keySpecOf, reply);
  }
}
