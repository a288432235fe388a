/**
 * Every command record of ours that redis-server has too, against what redis-server says of it (recorded in
 * reference-commands.json). A difference fails the test that has the command's name.
 */
import test from 'ava';
import { families } from '../../lib/commands/families.js';
import { writeCommandDocs } from '../../lib/commands/command-docs.js';
import { writeCommandInfo } from '../../lib/commands/command-info.js';
import { type Command, CommandTable } from '../../lib/commands/table.js';
import { ReplyWriter } from '../../lib/protocol/reply-writer.js';
import { ACCEPTED, OURS } from '../support/accepted-differences.js';
import { type ReferenceCommand, readReferenceCommands, referenceCommand } from '../support/reference-commands.js';
import { type RespValue, decode } from '../support/resp-value.js';
import { comparableArguments, writeSyntax } from '../support/syntax-writer.js';

const theirs = readReferenceCommands();
const ours = new CommandTable(families).commands.flatMap((each) => [each, ...(each.subcommands?.values() ?? [])]);

for (const command of ours) {
  const reference = theirs[command.fullName];
  if (reference === undefined) {
    test(`${command.fullName} is a command of ours`, (t) => t.true(OURS.some((name) => `${command.fullName}|`.startsWith(`${name}|`))));
    continue;
  }
  test(`COMMAND INFO ${command.fullName}`, (t) => {
    const { info } = described(command);
    for (const [index, field] of INFO_FIELDS.entries()) {
      if (!isAccepted(command, field)) t.is(shown(info[index]), shown(reference.info[index]), field);
    }
  });
  test(`COMMAND DOCS ${command.fullName}`, (t) => {
    t.not(command.spec.summary, '');
    const { docs } = described(command);
    for (const field of new Set([...Object.keys(docs), ...Object.keys(reference.docs)])) {
      if (isAccepted(command, `docs ${field}`)) continue;
      if (field !== 'arguments') {
        t.is(shown(docs[field]), shown(reference.docs[field]), field);
        continue;
      }
      const [mine, recorded] = [docs.arguments ?? [], reference.docs.arguments ?? []];
      const advice = `its syntax should be: ${writeSyntax(recorded)}`;
      t.is(shown(comparableArguments(mine)), shown(comparableArguments(recorded)), advice);
    }
  });
}

test('what we accept is a difference', (t) => {
  const same: string[] = [];
  for (const [name, field] of ACCEPTED) {
    const command = ours.find((each) => each.fullName === name);
    const reference = theirs[name];
    if (command === undefined || reference === undefined) continue;
    const of = ({ info, docs }: ReferenceCommand): string =>
      shown(field.startsWith('docs ') ? docs[field.slice('docs '.length)] : info[INFO_FIELDS.indexOf(field)]);
    if (of(described(command)) === of(reference)) same.push(`${name}: ${field}`);
  }
  t.deepEqual(same, []);
});

const INFO_FIELDS = [
  'name', 'arity', 'flags', 'first key', 'last key', 'step', 'categories', 'tips', 'key specs', 'subcommands',
];

function described(command: Command): ReferenceCommand {
  return referenceCommand(reply(command, writeCommandInfo) as RespValue[], reply(command, writeCommandDocs));
}

function reply(command: Command, write: (command: Command, reply: ReplyWriter) => void): RespValue {
  const writer = new ReplyWriter();
  writer.protocol = 3;
  write(command, writer);
  return decode(Buffer.concat(writer.take()).toString('latin1'));
}

function isAccepted(command: Command, field: string): boolean {
  return ACCEPTED.some(([name, accepted]) => name === command.fullName && accepted === field);
}

/** One line, in which a difference is seen. */
function shown(value: RespValue | undefined): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
