/**
 * Crashes: a node in a process of its own is killed at a random moment under load, and started again on its folder.
 * With `always` every write that was acknowledged is there. With the other policies what is there is a beginning of
 * what each client wrote, with at most the last second missing. Never is a transaction there in part.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { RawClient } from './raw-client.js';
import { spawnNode } from './spawned-node.js';
import type { Random } from '../../lib/util/random.js';

const CLIENTS = 8;
const RUN_MS_MAX = 400;
const LOST_MS_MAX = 1500;

/** What one client has written: numbers from 1 on, each into two keys at once. */
interface Writer {
  sent: number;
  acknowledged: number;
  /** When each number was acknowledged. */
  moments: number[];
}

/** One round on a folder. Gives what is wrong; undefined when nothing is. */
export async function crashRound(folder: string, appendfsync: string, random: Random): Promise<string | undefined> {
  const settings = {
    dir: folder, appendonly: 'yes', appendfsync, 'auto-aof-rewrite-min-size': '20000', 'auto-aof-rewrite-percentage': '50',
  };
  const node = await spawnNode(settings);
  const writers = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => start(node.port, index)));
  await delay(random.next() * RUN_MS_MAX);
  if (random.next() < 0.5) {
    const client = await RawClient.connect(node.port);
    await client.ask('BGREWRITEAOF');
    await delay(random.next() * 20);
    client.close();
  }
  const killedAt = performance.now();
  await node.kill();
  const again = await spawnNode(settings);
  try {
    const client = await RawClient.connect(again.port);
    for (const [index, writer] of writers.entries()) {
      const wrong = await check(client, index, writer, appendfsync, killedAt);
      if (wrong !== undefined) return wrong;
    }
    client.close();
    return undefined;
  } finally {
    await again.kill();
  }
}

/** Lets a client write until the connection breaks. It goes on where the round before has ended. */
async function start(port: number, index: number): Promise<Writer> {
  const client = await RawClient.connect(port);
  const found = await numberOf(client, `a${index}`);
  const writer: Writer = { sent: found, acknowledged: found, moments: [] };
  const run = async (): Promise<void> => {
    while (!client.isClosed) {
      const number = ++writer.sent;
      client.send(`MULTI\r\nSET a${index} ${number}\r\nSET b${index} ${number}\r\nEXEC\r\n`);
      const replies = [await client.reply(), await client.reply(), await client.reply(), await client.reply()];
      if (!replies[3]!.startsWith('*2')) return;
      writer.acknowledged = number;
      writer.moments[number] = performance.now();
    }
  };
  void run();
  return writer;
}

async function check(
  client: RawClient, index: number, writer: Writer, appendfsync: string, killedAt: number,
): Promise<string | undefined> {
  const { sent, acknowledged, moments } = writer;
  const found = await numberOf(client, `a${index}`);
  const other = await numberOf(client, `b${index}`);
  const about = `client ${index}: found ${found} and ${other}, acknowledged ${acknowledged}, sent ${sent}`;
  if (found !== other) return `${about}: half a transaction`;
  if (found > sent) return `${about}: more than was sent`;
  if (found >= acknowledged) return undefined;
  if (appendfsync === 'always') return `${about}: an acknowledged write is lost`;
  const lostSince = moments[found + 1];
  if (lostSince !== undefined && killedAt - lostSince > LOST_MS_MAX) return `${about}: more than a second is lost`;
  return undefined;
}

async function numberOf(client: RawClient, key: string): Promise<number> {
  const reply = await client.ask(`GET ${key}`);
  return reply === '$-1\r\n' ? 0 : Number(reply.split('\r\n')[1]);
}
