/**
 * The disk fails at each operation in turn, of writes, of a rewrite from its start to its end, and of the log being
 * switched off and on: with every policy and both forms of the base, what was acknowledged while the log was on is
 * there after the node was stopped and started again, and nothing else is. `scripts/disk-faults` leaves out none.
 */
import test, { type ExecutionContext } from 'ava';
import { seededRandom } from '../../lib/util/random.js';
import { startDurable } from '../support/durable-node.js';
import { atEachOperation } from '../support/each-operation.js';
import { type Fault, MemoryFiles } from '../support/memory-files.js';
import { RawClient } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';
import { waitFor } from '../support/wait-for.js';

const OPERATIONS_MAX = 300;

/** The number that was acknowledged last while the log was on, and the last that was sent. */
interface Told {
  acknowledged: number;
  sent: number;
}

class Scenario {
  readonly told: Told = { acknowledged: 0, sent: 0 };
  private client!: RawClient;

  constructor(
    private readonly port: number,
    private readonly log: readonly string[],
  ) {}

  async run(): Promise<void> {
    this.client = await RawClient.connect(this.port);
    await this.write(3);
    await this.ask('BGREWRITEAOF');
    await this.until('aof_rewrite_in_progress:0');
    const inBase = this.told.acknowledged;
    await this.write(3);
    await this.ask('CONFIG SET appendonly no');
    await this.until('aof_enabled:0');
    // Without `always` a reply does not wait for the disk; that what waits is lost by the switch, the node says.
    if (this.hasSaid('The end of the append log could not be written')) this.told.acknowledged = inBase;
    const inLog = this.told.acknowledged;
    await this.ask('CONFIG SET appendonly yes');
    // When it cannot be switched on, the setting says so.
    await waitFor(async () => {
      const isWanted = (await this.ask('CONFIG GET appendonly')).includes('yes');
      return !isWanted || (await this.ask('INFO persistence')).includes('aof_enabled:1');
    }, 'the switch');
    await this.write(3);
    // A log whose first base fails is no log, whatever was written meanwhile.
    await waitFor(() => this.hasSaid('The append log is on') || this.hasSaid('could not be switched on'), 'the base');
    if (!this.hasSaid('The append log is on')) this.told.acknowledged = inLog;
    this.client.close();
  }

  private async write(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const number = ++this.told.sent;
      // Two keys: half of it is not to be found.
      if ((await this.ask(`MSET a ${number} b ${number}`)) === '+OK\r\n') this.told.acknowledged = number;
    }
  }

  private hasSaid(text: string): boolean {
    return this.log.some((line) => line.includes(text));
  }

  private until(mark: string): Promise<void> {
    return waitFor(async () => (await this.ask('INFO persistence')).includes(mark), mark);
  }

  private async ask(line: string): Promise<string> {
    const reply = await this.client.ask(line);
    if (reply.endsWith('<closed>')) this.client = await RawClient.connect(this.port);
    return reply;
  }
}

async function check(t: ExecutionContext, files: MemoryFiles, told: Told, what: string): Promise<void> {
  const { node } = await startDurable(t, files);
  const client = await RawClient.connect(node.port);
  const [a, b] = [await client.ask('GET a'), await client.ask('GET b')];
  const found = a === '$-1\r\n' ? 0 : Number(a.split('\r\n')[1]);
  t.is(a, b, what);
  t.true(found >= told.acknowledged && found <= told.sent, `${what}: found ${found}, ${JSON.stringify(told)}`);
  client.close();
  await node.stop();
}

const faults: readonly (readonly [Fault, number])[] = [[{ error: 'EIO' }, 1], [{ error: 'ENOSPC' }, 3], [{ error: 'EROFS' }, 3], [{ short: 5 }, 2]];

/** Of how many operations one is tried, not the same one each time. */
const strides: readonly (readonly [appendfsync: string, preamble: string, stride: number])[] = [
  ['always', 'yes', 1], ['always', 'no', 6], ['everysec', 'yes', 8], ['everysec', 'no', 8], ['no', 'yes', 8], ['no', 'no', 8],
];
const isLong = process.env.ROUNDS !== undefined;

for (const [appendfsync, preamble, some] of strides) {
  for (const [fault, count] of faults) {
    const stride = isLong ? 1 : some;
    const settings = { appendfsync, 'aof-use-rdb-preamble': preamble };
    const title = `${appendfsync}, aof-use-rdb-preamble ${preamble}: ${JSON.stringify(fault)} ${count} times`;
    test(`${title}, at any operation of a rewrite and of a switch`, async (t) => {
      t.timeout(isLong ? 1_200_000 : 240_000);
      const seed = seedOf(t);
      const random = seededRandom(seed);
      const first = Math.floor(random.next() * stride);
      const operations = await atEachOperation(OPERATIONS_MAX, async (at) => {
        if (at % stride !== first) return true;
        const files = new MemoryFiles();
        let operation = -1;
        const { node, log } = await startDurable(t, files, settings);
        files.fault = (kind) => {
          if ('short' in fault && kind !== 'write') return undefined;
          operation++;
          return operation >= at && operation < at + count ? fault : undefined;
        };
        const scenario = new Scenario(node.port, log);
        await scenario.run();
        const what = `operation ${at}`;
        if (appendfsync === 'always') {
          await check(t, files.afterPowerCut(seededRandom(seed + at)), scenario.told, `${what}, power cut`);
        }
        files.fault = () => undefined;
        await node.stop();
        await check(t, files.afterKill(), scenario.told, `${what}, stopped`);
        return operation >= at;
      });
      t.log(`${operations} operations`);
      t.true(operations > 10);
    });
  }
}
