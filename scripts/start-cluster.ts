/**
 * Starts several nodes on this machine that share the alphabet: `scripts/start-cluster [N] [first port]`. Each has a
 * folder of its own, all have a cookie drawn for this run. Says how to talk to them; Ctrl-C stops them all.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { scriptArguments } from './arguments.js';

const NODES_MAX = 26;
const FIRST_PORT = 6380;
const FIRST_LINE_PORT = 4041;
const FIRST_PEER_PORT = 16380;

const main = fileURLToPath(new URL('../lib/cli/main.js', import.meta.url));
const { count, port: firstPort } = scriptArguments('start-cluster [count] [port]', 'Starts nodes on this machine that share the alphabet', {
  count: { type: 'number', default: 2, describe: 'how many' },
  port: { type: 'number', default: FIRST_PORT, describe: 'port of the first; the others follow' },
});
if (!Number.isInteger(count) || count < 1 || count > NODES_MAX || !Number.isInteger(firstPort) || firstPort < 1) {
  console.error(`start-cluster: how many nodes? Say a number from 1 to ${NODES_MAX}, and then, if you like, the first port`);
  process.exit(1);
}

const offset = firstPort - FIRST_PORT;
const names = Array.from({ length: count }, (_each, index) => ['foo', 'bar', 'baz'][index] ?? `node${index + 1}`);
const nodes = names.map((name, index) => `${name}=127.0.0.1:${FIRST_PEER_PORT + offset + index}`).join(',');
const shards = [...names.map((name, index) => `${letters(index)}=${name}`), `*=${names[0]!}`].join(',');
const folder = mkdtempSync(join(tmpdir(), 'pigeonhole-cluster-'));
const cookie = randomBytes(16).toString('hex');

const children = names.map((name, index) => {
  const cwd = join(folder, name);
  mkdirSync(cwd);
  const settings = {
    node: name, nodes, shards, port: firstPort + index, 'line-port': FIRST_LINE_PORT + offset + index, bind: '127.0.0.1',
  };
  const flags = Object.entries(settings).map(([flag, value]) => `--${flag}=${value}`);
  // The cookie is no flag: other users of the machine can read those.
  const env = { ...process.env, PIGEONHOLE_COOKIE: cookie };
  // In a group of its own: Ctrl-C is for this process, which then stops the nodes in good order.
  const child = spawn(process.execPath, [main, 'start', ...flags], { cwd, env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  createInterface({ input: child.stdout }).on('line', (line) => console.log(`${name.padEnd(6)} ${line}`));
  return child;
});

let isStopping = false;
const gone = children.map(async (child, index) => {
  await once(child, 'exit');
  if (!isStopping) console.log(`${names[index]!} has stopped: its letters answer PEERDOWN, the others go on`);
});
const stop = (): void => {
  isStopping = true;
  for (const child of children) child.kill('SIGTERM');
};
process.on('SIGINT', stop);
process.on('SIGTERM', stop);

console.log(`shards ${shards}`);
names.forEach((name, index) => {
  const line = FIRST_LINE_PORT + offset + index;
  console.log(`${name.padEnd(6)} redis-cli -p ${firstPort + index}    telnet 127.0.0.1 ${line}    ${join(folder, name)}`);
});
console.log('Any node answers for every letter. Ctrl-C stops them all.\n');

await Promise.all(gone);
rmSync(folder, { recursive: true, force: true });

/** The letters of the node with this place: the alphabet in about equal parts. */
function letters(index: number): string {
  const bound = (place: number): number => Math.floor((place * 26) / count);
  const letter = (place: number): string => String.fromCharCode('a'.charCodeAt(0) + place);
  const [from, to] = [bound(index), bound(index + 1) - 1];
  return from === to ? letter(from) : `${letter(from)}-${letter(to)}`;
}
