/**
 * The arena is full from some moment in the middle of a command on, at each of its allocations in turn, for every
 * command that writes. An error means that nothing has been done; where a command may end between the several things
 * that it writes, memory and log have the same afterwards. The node goes on.
 */
import test, { type ExecutionContext } from 'ava';
import { families } from '../../lib/commands/families.js';
import { CommandTable } from '../../lib/commands/table.js';
import { askAll, contentsOf } from '../support/contents.js';
import { startDurable } from '../support/durable-node.js';
import { fillUp } from '../support/full-arena.js';
import { MemoryFiles } from '../support/memory-files.js';
import { RawClient, parts } from '../support/raw-client.js';
import { BEFORE, MAY_END_BETWEEN, NOT_TRIED, WRITE_REQUESTS } from '../support/write-requests.js';

/** A request puts something into the second; clients begin in the last. */
const DATABASES = ['1', '0'];

async function failAtEach(t: ExecutionContext, command: string, requests: readonly string[]): Promise<string[]> {
  const { node, log } = await startDurable(t, new MemoryFiles());
  const client = await RawClient.connect(node.port);
  const mistakes: string[] = [];
  let after: string[] = [];
  let before = after;
  for (const request of requests) {
    for (let at = 0, hasFailed = true; hasFailed; at = at < 4 ? at + 1 : at * 3) {
      if (after !== before || before.length === 0) {
        await askAll(client, [['FLUSHALL'], ...BEFORE]);
        before = await contentsOf(client, DATABASES);
      }
      const words = await withPayload(client, parts(request));
      const arena = fillUp(node.state.store.arena, at);
      const [reply] = await askAll(client, [words]);
      hasFailed = arena.end();
      const title = `${shortened(request)}, allocation ${at}`;
      const isRefused = typeof reply === 'string' && reply.startsWith('-');
      if (isRefused && !(hasFailed && reply.startsWith('-OOM'))) mistakes.push(`${title}: ${reply}`);
      after = await contentsOf(client, DATABASES);
      const changes = difference(before, after);
      if (changes === '') after = before;
      if (isRefused && changes !== '' && !MAY_END_BETWEEN.has(command)) mistakes.push(`${title}\n${changes}`);
      // What the log has is loaded for the first failure, whenever something has changed, and after the success.
      if (at === 0 || changes !== '' || !hasFailed) {
        await askAll(client, [['DEBUG', 'LOADAOF']]);
        const loaded = difference(after, await contentsOf(client, DATABASES));
        if (loaded !== '') mistakes.push(`${title}, as it was loaded\n${loaded}`);
      }
    }
  }
  client.close();
  return [...mistakes, ...log.filter((line) => line.includes('Internal error'))];
}

/** The request with the value of a bucket instead of `DUMP-OF-` and its name. */
async function withPayload(client: RawClient, words: readonly string[]): Promise<string[]> {
  const [name] = words.flatMap((word) => (word.startsWith('DUMP-OF-') ? [word.slice('DUMP-OF-'.length)] : []));
  if (name === undefined) return [...words];
  const [payload] = (await askAll(client, [['DUMP', name]])) as [string];
  return words.map((word) => (word.startsWith('DUMP-OF-') ? payload : word));
}

function difference(before: readonly string[], after: readonly string[]): string {
  const gone = before.filter((line) => !after.includes(line)).map((line) => `- ${shortened(line)}`);
  const come = after.filter((line) => !before.includes(line)).map((line) => `+ ${shortened(line)}`);
  return [...gone, ...come].join('\n');
}

function shortened(text: string): string {
  return text.replaceAll(/(.)\1{20,}/g, '$1...').slice(0, 300);
}

test('there is a request for every command that writes', (t) => {
  const all = new CommandTable(families).commands.flatMap((each) => [...(each.subcommands?.values() ?? [each])]);
  const writing = all.filter(({ isWrite }) => isWrite).map(({ fullName }) => fullName);
  t.deepEqual([...Object.keys(WRITE_REQUESTS), ...Object.keys(NOT_TRIED)].toSorted(), writing.toSorted());
});

// One after the other: each has a node of its own.
for (const [command, requests] of Object.entries(WRITE_REQUESTS)) {
  test.serial(`${command}, when the arena is full at any moment of it`, async (t) => {
    t.deepEqual(await failAtEach(t, command, requests), []);
  });
}
