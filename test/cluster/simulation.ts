/**
 * A simulation: three nodes, clients that talk to all of them at once, and a network whose cables are cut, slowed
 * down and put back all the while. Whatever happens, a reply belongs to the request that it answers, a value that is
 * read was written by somebody, and a name is on the node that owns it and on no other.
 *
 * The seed is printed; SEED in the environment repeats a run, as far as the real clock lets it.
 */
import test from 'ava';
import { TestCluster } from '../support/cluster.js';
import { TestNetwork } from '../support/network.js';
import { RawClient, encode } from '../support/raw-client.js';
import { waitFor } from '../support/wait-for.js';
import { CURSOR_END } from '../../lib/store/byte-table.js';
import { keySlice } from '../../lib/store/entry.js';
import { Slice } from '../../lib/util/bytes.js';
import { type Random, seededRandom } from '../../lib/util/random.js';
import { seed } from '../support/seed.js';

const NAMES = ['foo', 'bar', 'baz'];
const CLIENTS = 8;
const ROUNDS = 120;
const DEPTH_MAX = 24;


/** One client's names: nobody else writes to them. */
class Model {
  /** For each name, every value that it may have; `undefined` is none. */
  private readonly possible = new Map<string, Set<string | undefined>>();
  /** Values of writes whose fate is not known: they may still arrive. */
  private readonly doubtful = new Map<string, Set<string | undefined>>();

  values(name: string): Set<string | undefined> {
    return new Set([...(this.possible.get(name) ?? [undefined]), ...(this.doubtful.get(name) ?? [])]);
  }

  written(name: string, value: string | undefined): void {
    this.possible.set(name, new Set([value]));
  }

  lost(name: string, value: string | undefined): void {
    this.doubtful.set(name, new Set([...(this.doubtful.get(name) ?? []), value]));
  }
}

interface Step {
  request: string[];
  /** Undefined when the reply is as it must be, else what is wrong with it. */
  check(reply: string): string | undefined;
}

class SimulatedClient {
  private readonly model = new Model();
  private counter = 0;
  answered = 0;
  failed = 0;

  constructor(private readonly id: number, private readonly random: Random) {}

  private pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random.next() * items.length)]!;
  }

  private name(): string {
    return `${this.pick(['a', 'm', 'n', 'z', '0', '~', 'q', 'c'])}:${this.id}:${Math.floor(this.random.next() * 5)}`;
  }

  private bulk(value: string | undefined): string {
    return value === undefined ? '$-1\r\n' : `$${value.length}\r\n${value}\r\n`;
  }

  /** Wraps what a success must look like: an error of the cluster is always allowed. */
  private step(
    request: string[], check: (reply: string) => string | undefined, onLost: () => void = () => undefined,
  ): Step {
    return {
      request,
      check: (reply) => {
        if (!reply.startsWith('-PEER')) {
          this.answered++;
          return check(reply);
        }
        this.failed++;
        // A part of a scattered request may have run although another could not be sent.
        if (!reply.startsWith('-PEERDOWN') || reply.includes('may or may not') || request.length > 3) onLost();
        return undefined;
      },
    };
  }

  nextStep(): Step {
    const value = `${this.id}-${this.counter++}${'x'.repeat(this.random.next() < 0.05 ? 40_000 : 0)}`;
    const [name, other] = [this.name(), this.name()];
    const exactly = (expected: string) => (reply: string) => (reply === expected ? undefined : `expected ${expected}`);
    switch (this.pick(['set', 'set', 'get', 'get', 'get', 'echo', 'del', 'mget', 'mset'])) {
      case 'set':
        return this.step(['SET', name, value], (reply) => {
          this.model.written(name, value);
          return exactly('+OK\r\n')(reply);
        }, () => this.model.lost(name, value));
      case 'del':
        return this.step(['DEL', name], (reply) => {
          this.model.written(name, undefined);
          return reply === ':0\r\n' || reply === ':1\r\n' ? undefined : 'expected 0 or 1';
        }, () => this.model.lost(name, undefined));
      case 'mset':
        return this.step(['MSET', name, value, other, value], (reply) => {
          this.model.written(name, value);
          this.model.written(other, value);
          return exactly('+OK\r\n')(reply);
        }, () => {
          this.model.lost(name, value);
          this.model.lost(other, value);
        });
      case 'mget':
        return this.step(['MGET', name, other], (reply) => {
          const fits = [...this.model.values(name)].some((one) => {
            return [...this.model.values(other)].some((two) => reply === `*2\r\n${this.bulk(one)}${this.bulk(two)}`);
          });
          return fits ? undefined : `${name} or ${other} never had it`;
        });
      case 'get':
        return this.step(['GET', name], (reply) => {
          const fits = [...this.model.values(name)].some((each) => reply === this.bulk(each));
          return fits ? undefined : `${name} never had it`;
        });
      default:
        return this.step(['ECHO', value], exactly(this.bulk(value)));
    }
  }

  async round(ports: readonly number[]): Promise<string | undefined> {
    const connection = await RawClient.connect(this.pick(ports));
    const steps = Array.from({ length: 1 + Math.floor(this.random.next() * DEPTH_MAX) }, () => this.nextStep());
    connection.send(Buffer.concat(steps.map((step) => encode(step.request))));
    for (const step of steps) {
      const reply = await connection.reply();
      const wrong = step.check(reply);
      if (wrong !== undefined) return `${step.request.join(' ').slice(0, 80)} -> ${reply.slice(0, 80)}: ${wrong}`;
    }
    connection.close();
    return undefined;
  }
}

test(`nothing is mixed up while cables are cut and put back (SEED=${seed})`, async (t) => {
  const random = seededRandom(seed);
  const network = new TestNetwork(random);
  const cluster = new TestCluster({
    names: NAMES, shards: 'a-m=foo,n-z=bar,*=baz', settings: { 'peer-timeout': '500' },
    dialOf: (name) => network.dialOf(name),
  });
  t.teardown(() => cluster.stop());
  await cluster.start();
  const ports = NAMES.map((name) => cluster.port(name));
  let isOver = false;
  const weather = async (): Promise<void> => {
    while (!isOver) {
      const draw = random.next();
      if (draw < 0.3) network.cutOne();
      else if (draw < 0.6) network.delayOne(20);
      else network.restoreAll();
      await new Promise((resolve) => setTimeout(resolve, 2 + random.next() * 25));
    }
    network.restoreAll();
  };
  const storm = weather();
  const clients = Array.from({ length: CLIENTS }, (_each, id) => new SimulatedClient(id, seededRandom(seed + id + 1)));
  const runs = clients.map(async (client) => {
    for (let round = 0; round < ROUNDS; round++) {
      const wrong = await client.round(ports);
      if (wrong !== undefined) return t.fail(`SEED=${seed}, round ${round}: ${wrong}`);
    }
  });
  await Promise.all(runs);
  isOver = true;
  await storm;
  await waitFor(() => NAMES.every((name) => cluster.isConnected(name)), 'the nodes to find each other again');
  const total = (count: (client: SimulatedClient) => number): number => {
    return clients.reduce((sum, each) => sum + count(each), 0);
  };
  t.log(`${total((client) => client.answered)} answered, ${total((client) => client.failed)} failed`);
  t.true(total((client) => client.failed) > 0, 'the weather was bad');
  for (const name of NAMES) t.deepEqual(strayNames(cluster, name), [], `names that do not belong on ${name}`);
});

function strayNames(cluster: TestCluster, node: string): string[] {
  const { state, cluster: own } = cluster.node(node);
  const stray: string[] = [];
  const name = new Slice();
  const visit = (ref: number): void => {
    keySlice(state.store.arena, ref, name);
    if (!own.owns(name.bytes, name.offset, name.length)) stray.push(name.text());
  };
  const [keyspace] = state.store.databases;
  for (let cursor = 0; cursor < CURSOR_END; ) cursor = keyspace!.scan(cursor, visit);
  return stray;
}
