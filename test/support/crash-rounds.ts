/**
 * Crashes: nodes in processes of their own are killed at a random moment under load, with rewrites and snapshots under
 * way, and started again on their folders. With `always` every step that was acknowledged is there (crash-steps.ts).
 * With the other policies what is there is a beginning of what each client wrote, with at most the last second missing.
 * Never is a step there in part: the data are those of a node that has run the same steps and never crashed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CrashClient, SHORT_MS_MAX, counterOf, stepOf } from './crash-steps.js';
import { datasetOf } from './dataset.js';
import { MemoryFile } from './memory-file.js';
import { RawClient, encode } from './raw-client.js';
import { freePort } from './reference.js';
import { type SpawnedNode, spawnNode } from './spawned-node.js';
import { startNode } from './targets.js';
import { waitFor } from './wait-for.js';
import { RdbReader } from '../../lib/persistence/rdb-reader.js';
import type { Node } from '../../lib/server.js';
import { Store } from '../../lib/store/store.js';
import type { Random } from '../../lib/util/random.js';

const CLIENTS = 8;
const DATABASES = 3;
const RUN_MS_MAX = 500;
const LOST_MS_MAX = 1500;

/** What one client has sent, and what was acknowledged. */
interface Writer {
  client: CrashClient;
  connection: RawClient;
  sent: number;
  acknowledged: number;
  /** When each step was acknowledged. */
  moments: Map<number, number>;
  done: Promise<void>;
}

/** A node, or two that share the alphabet, with folders that outlive them, and the model of what they should have. */
export class CrashSite {
  steps = 0;
  private readonly nodes = new Map<string, SpawnedNode>();
  private readonly clients: CrashClient[];
  private readonly reached: number[];
  private model: Node | undefined;
  private addresses = '';

  constructor(
    private readonly folder: string,
    private readonly appendfsync: string,
    private readonly random: Random,
    private readonly names: readonly string[] = ['foo'],
  ) {
    this.clients = Array.from({ length: CLIENTS }, (_, number) => ({
      tag: `${number % 2 === 0 ? 'a' : 'z'}${number}`, database: number % DATABASES, number,
    }));
    this.reached = this.clients.map(() => 0);
  }

  /** Starts the nodes, lets clients write, kills, starts again and compares. Gives what is wrong, if anything is. */
  async round(): Promise<string | undefined> {
    if (this.model === undefined) await this.begin();
    const writers = await Promise.all(this.clients.map((client) => this.startWriter(client)));
    await delay(this.random.next() * RUN_MS_MAX);
    await this.disturb();
    const killedAt = performance.now();
    const victims = this.names.filter(() => this.names.length === 1 || this.random.next() < 0.6);
    await Promise.all(victims.map((name) => this.nodes.get(name)!.kill()));
    for (const { connection } of writers) connection.close();
    await Promise.all(writers.map(({ done }) => done));
    for (const name of victims) await this.startNode(name);
    return this.compare(writers, killedAt);
  }

  private async begin(): Promise<void> {
    this.model = await startNode();
    const ports: string[] = [];
    for (const name of this.names) ports.push(`${name}=127.0.0.1:${await freePort()}`);
    this.addresses = ports.join(',');
    for (const name of this.names) await this.startNode(name);
  }

  async end(): Promise<void> {
    await Promise.all([...this.nodes.values()].map((node) => node.kill()));
    await this.model?.stop();
  }

  private async startNode(name: string): Promise<void> {
    const cluster = { node: name, nodes: this.addresses, shards: 'a-m=foo,n-z=bar,*=foo', cookie: 'oatmeal' };
    this.nodes.set(name, await spawnNode({
      dir: join(this.folder, name), appendonly: 'yes', appendfsync: this.appendfsync, save: '1 50',
      'auto-aof-rewrite-min-size': '50000', 'auto-aof-rewrite-percentage': '50',
      ...(this.names.length > 1 ? cluster : {}),
    }));
  }

  private connect(number: number): Promise<RawClient> {
    return RawClient.connect(this.nodes.get(this.names[number % this.names.length]!)!.port);
  }

  /** Often a rewrite or a snapshot is under way when the end comes. */
  private async disturb(): Promise<void> {
    const client = await this.connect(Math.floor(this.random.next() * 2));
    if (this.random.next() < 0.4) await client.ask('BGREWRITEAOF');
    if (this.random.next() < 0.4) await client.ask('BGSAVE SCHEDULE');
    await delay(this.random.next() * 20);
    client.close();
  }

  /** Lets a client write until the connection breaks, or its node does. It goes on where the round before has ended. */
  private async startWriter(client: CrashClient): Promise<Writer> {
    // One that shares the node of its keys, or does not.
    const connection = await this.connect(client.number >> 1);
    await connection.ask(`SELECT ${client.database}`);
    const reached = this.reached[client.number]!;
    const writer: Writer = {
      client, connection, sent: reached, acknowledged: reached, moments: new Map(), done: Promise.resolve(),
    };
    writer.done = write(writer);
    return writer;
  }

  private async compare(writers: readonly Writer[], killedAt: number): Promise<string | undefined> {
    const client = await this.connect(0);
    if (this.names.length > 1) {
      const isWhole = async (): Promise<boolean> => (await client.ask('DBSIZE')).startsWith(':');
      await waitFor(isWhole, 'the nodes to reach each other');
    }
    for (const writer of writers) {
      await client.ask(`SELECT ${writer.client.database}`);
      const found = numberIn(await client.ask(`GET ${counterOf(writer.client)}`));
      const wrong = this.judge(writer, found, killedAt);
      if (wrong !== undefined) return wrong;
      await this.advance(writer.client, found);
    }
    await delay(SHORT_MS_MAX);
    client.close();
    const difference = differenceOf(await datasetOf(this.nodes.get('foo')!.port), await datasetOf(this.model!.port));
    if (difference !== undefined) return difference;
    return this.readSnapshots();
  }

  private judge(writer: Writer, found: number, killedAt: number): string | undefined {
    const { client, sent, acknowledged, moments } = writer;
    const about = `client ${client.number}: found ${found}, acknowledged ${acknowledged}, sent ${sent}`;
    if (found > sent) return `${about}: more than was sent`;
    if (found < this.reached[client.number]!) return `${about}: a step of an earlier round is lost`;
    if (found >= acknowledged) return undefined;
    if (this.appendfsync === 'always') return `${about}: an acknowledged step is lost`;
    const lostSince = moments.get(found + 1);
    if (lostSince !== undefined && killedAt - lostSince > LOST_MS_MAX) return `${about}: more than a second is lost`;
    return undefined;
  }

  /** Brings the model to where the nodes are. */
  private async advance(client: CrashClient, found: number): Promise<void> {
    const connection = await RawClient.connect(this.model!.port);
    await connection.ask(`SELECT ${client.database}`);
    const from = this.reached[client.number]!;
    for (let step = from + 1; step <= found; step++) await run(connection, stepOf(client, step));
    this.steps += found - from;
    this.reached[client.number] = found;
    connection.close();
  }

  /** A snapshot that is there is whole. */
  private async readSnapshots(): Promise<string | undefined> {
    for (const name of this.names) {
      const path = join(this.folder, name, 'dump.rdb');
      if (!existsSync(path)) continue;
      const file = new MemoryFile();
      file.bytes = readFileSync(path);
      try {
        const reader = new RdbReader(new Store(), file, file.bytes.length, { leavesOutExpired: true });
        await reader.readAll(() => Promise.resolve());
      } catch (error) {
        return `${path}: ${String(error)}`;
      }
    }
    return undefined;
  }
}

async function write(writer: Writer): Promise<void> {
  while (!writer.connection.isClosed) {
    const step = ++writer.sent;
    if (!(await run(writer.connection, stepOf(writer.client, step)))) return;
    writer.acknowledged = step;
    writer.moments.set(step, performance.now());
  }
}

/** Sends a step; whether it was acknowledged. */
async function run(connection: RawClient, requests: readonly string[][]): Promise<boolean> {
  const isTransaction = requests.length > 1;
  const all = isTransaction ? [['MULTI'], ...requests, ['EXEC']] : requests;
  connection.send(Buffer.concat(all.map((request) => encode(request))));
  let last = '';
  for (const _request of all) last = await connection.reply();
  return last.startsWith(isTransaction ? '*' : '+') && !last.endsWith('<closed>') && last !== '*-1\r\n';
}

function numberIn(reply: string): number {
  return reply.startsWith('$-1') ? 0 : Number(reply.split('\r\n')[1]);
}

/** What is not as it should be; undefined when all is. */
function differenceOf(found: readonly string[], expected: readonly string[]): string | undefined {
  const [ours, theirs] = [withoutChance(found), withoutChance(expected)];
  for (let index = 0; index < Math.max(ours.length, theirs.length); index++) {
    if (ours[index] === theirs[index]) continue;
    const [one, other] = [ours, theirs].map((lines) => (lines[index] ?? 'nothing').slice(0, 300));
    return `found ${one}, and a node that did not crash has ${other}`;
  }
  return undefined;
}

/** What SPOP left is a matter of chance, but for its size; what lives for some milliseconds may or may not be there. */
function withoutChance(lines: readonly string[]): string[] {
  const kept = lines.filter((line) => !line.includes(':short"'));
  return kept.map((line) => {
    if (!line.includes(':bag"')) return line;
    const [db, key, type, members, ...rest] = JSON.parse(line) as [number, string, string, string[], ...unknown[]];
    return JSON.stringify([db, key, type, members.length, ...rest]);
  });
}
