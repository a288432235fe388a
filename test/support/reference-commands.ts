/**
 * What redis-server says of its commands: COMMAND INFO and COMMAND DOCS of every command and subcommand, RESP3, without
 * the summaries (ours are our own). `scripts/capture-reference reference-commands` records it; the test
 * test/commands/records.ts holds every family's records against it.
 *
 * redis-server lists subcommands in the order of a table that is seeded anew at each start. So here a container's
 * subcommands are their names, sorted, and each has an entry of its own.
 */
import { readFileSync } from 'node:fs';
import { RawClient } from './raw-client.js';
import { type RespValue, decode } from './resp-value.js';

export const referenceCommandsFile = new URL('../../../test/commands/reference-commands.json', import.meta.url).pathname;

export interface ReferenceCommand {
  /** The ten elements of its entry in COMMAND INFO. */
  info: RespValue[];
  /** Its map in COMMAND DOCS. */
  docs: Record<string, RespValue>;
}

/** By full name (`client|list`), in order of the names. */
export type ReferenceCommands = Record<string, ReferenceCommand>;

export function readReferenceCommands(): ReferenceCommands {
  return JSON.parse(readFileSync(referenceCommandsFile, 'utf8')) as ReferenceCommands;
}

/** Asks the server at `port`, which must know HELLO 3, about all its commands. */
export async function askCommands(port: number): Promise<ReferenceCommands> {
  const client = await RawClient.connect(port);
  await client.ask('HELLO 3');
  const names = (decode(await client.ask('COMMAND LIST')) as string[]).sort();
  const commands: ReferenceCommands = {};
  for (const name of names) commands[name] = await askCommand(client, name);
  client.close();
  return commands;
}

async function askCommand(client: RawClient, name: string): Promise<ReferenceCommand> {
  const info = decode(await client.ask(`COMMAND INFO ${name}`)) as RespValue[][];
  const docs = decode(await client.ask(`COMMAND DOCS ${name}`)) as { map: [string, RespValue][] };
  return referenceCommand(info[0]!, docs.map[0]![1]);
}

/** The form in which a command is recorded and compared. */
export function referenceCommand(info: RespValue[], docs: RespValue): ReferenceCommand {
  // A container lists its subcommands in an array; any other command has an empty set here.
  const subcommands = Array.isArray(info[9]) ? info[9].map((each) => (each as string[])[0]!).sort() : info[9]!;
  const pairs = (docs as { map: [string, RespValue][] }).map.filter(([key]) => key !== 'summary');
  return {
    info: [...info.slice(0, 9), subcommands],
    docs: Object.fromEntries(pairs.map(([key, value]) => [key, key === 'subcommands' ? subcommandNames(value) : value])),
  };
}

function subcommandNames(docs: RespValue): string[] {
  return (docs as { map: [string, RespValue][] }).map.map(([name]) => name).sort();
}
