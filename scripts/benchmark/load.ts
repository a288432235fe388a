/**
 * A load: one request with numbers in it, sent over and over, in pipelines, over several connections. What
 * redis-benchmark cannot say (two numbers in one request, every key once) is said with this. Every reply's frame is
 * checked; the values are checked by the row's own check, once.
 *
 * The requests of a pipeline are copies of one template in which only digits are written, so that this side keeps up.
 */
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { encode } from '../../test/support/raw-client.js';
import { seededRandom } from '../../lib/util/random.js';

export interface Load {
  /** In each argument a run of `#` stands for a number with so many digits. */
  args: readonly string[];
  /** How many different numbers each run stands for, from 0 on. */
  ranges: readonly number[];
  /** `in order`: every combination once, the last run counting fastest. `at random`: each number drawn by itself. */
  numbers: 'in order' | 'at random';
  count: number;
  deep: number;
  connections: number;
  /** So many requests a second at most; as many as the server takes when it is not given. */
  perSecond?: number;
}

/** Sends the whole load and waits for all replies. Rejects when a reply is an error or is no frame. */
export async function run(load: Load, port: number): Promise<void> {
  const source = new Pipelines(load);
  await Promise.all(Array.from({ length: load.connections }, () => runConnection(source, port)));
}

async function runConnection(source: Pipelines, port: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const room = Buffer.alloc(source.bytesMax);
  await new Promise<void>((resolve, reject) => {
    const counter = new ReplyCounter();
    const next = (): void => {
      counter.owed = source.fill(room);
      if (counter.owed === 0) resolve();
      else socket.write(room.subarray(0, source.bytesOf(counter.owed)));
    };
    const pace = new Pace(source.periodMs);
    socket.on('data', (chunk) => {
      try {
        counter.take(chunk);
        if (counter.owed === 0) pace.next(next);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection')));
    next();
  }).finally(() => close(socket));
}

function close(socket: Socket): void {
  socket.removeAllListeners('close');
  socket.destroy();
}

/** Has things happen once in a period at most; what comes late is not made up for. */
class Pace {
  private dueMs = performance.now();

  constructor(private readonly periodMs: number) {}

  next(act: () => void): void {
    const nowMs = performance.now();
    this.dueMs = Math.max(this.dueMs + this.periodMs, nowMs);
    if (this.dueMs === nowMs) act();
    else setTimeout(act, this.dueMs - nowMs);
  }
}

/** Fills buffers with the next requests of a load. */
class Pipelines {
  private readonly template: Buffer;
  private readonly runs: { offset: number; digits: number; range: number }[] = [];
  private readonly random = seededRandom(1);
  private done = 0;

  constructor(private readonly load: Load) {
    this.template = encode(load.args);
    const found = [...this.template.toString('latin1').matchAll(/#+/g)];
    if (found.length !== load.ranges.length) throw new Error(`not as many ranges as numbers: ${load.args.join(' ')}`);
    found.forEach((match, i) => {
      this.runs.push({ offset: match.index, digits: match[0].length, range: load.ranges[i]! });
    });
  }

  get bytesMax(): number {
    return this.bytesOf(this.load.deep);
  }

  /** How often a connection sends a pipeline, at the pace that the load asks for. */
  get periodMs(): number {
    const { deep, connections, perSecond = Infinity } = this.load;
    return (deep * connections * 1000) / perSecond;
  }

  bytesOf(requests: number): number {
    return requests * this.template.length;
  }

  /** Writes the next pipeline and gives its number of requests; 0 when all have been given. */
  fill(room: Buffer): number {
    const count = Math.min(this.load.deep, this.load.count - this.done);
    for (let i = 0; i < count; i++) {
      const start = i * this.template.length;
      this.template.copy(room, start);
      this.writeNumbers(room, start, this.done + i);
    }
    this.done += count;
    return count;
  }

  private writeNumbers(room: Buffer, start: number, index: number): void {
    let rest = index;
    for (let i = this.runs.length - 1; i >= 0; i--) {
      const { offset, digits, range } = this.runs[i]!;
      let number = this.load.numbers === 'in order' ? rest % range : Math.floor(this.random.next() * range);
      rest = Math.floor(rest / range);
      for (let at = start + offset + digits - 1; at >= start + offset; at--) {
        room[at] = 48 + (number % 10);
        number = Math.floor(number / 10);
      }
    }
  }
}

const CR = 13;
const DOLLAR = 36;
const COLON = 58;
const STAR = 42;
const PLUS = 43;

/** Counts replies of one line, bulk replies and arrays of them, wherever the chunks are cut. */
class ReplyCounter {
  owed = 0;
  /** Bytes of a bulk, and its CRLF, that are still to come. */
  private skip = 0;
  /** The line of which a part has come. */
  private line = '';

  take(chunk: Buffer): void {
    let at = Math.min(this.skip, chunk.length);
    this.skip -= at;
    if (at > 0 && this.skip === 0) this.owed--;
    while (at < chunk.length) {
      const lineEnd = chunk.indexOf(CR, at);
      if (lineEnd < 0 || lineEnd + 1 >= chunk.length || this.line !== '') return this.takeSlowly(chunk, at);
      const length = this.lengthOf(chunk, at, lineEnd);
      at = this.passBulk(length, lineEnd + 2, chunk.length);
    }
  }

  /** Goes on where a line was cut: glues the rest to it and starts again. */
  private takeSlowly(chunk: Buffer, at: number): void {
    if (this.line === '') {
      this.line = chunk.toString('latin1', at);
      return;
    }
    const glued = Buffer.concat([Buffer.from(this.line, 'latin1'), chunk.subarray(at)]);
    this.line = '';
    if (glued.indexOf('\r\n') < 0) this.line = glued.toString('latin1');
    else this.take(glued);
  }

  /** The length of a bulk, or -1 for what is over with its line; what an array's line announces is owed too. */
  private lengthOf(chunk: Buffer, at: number, lineEnd: number): number {
    const mark = chunk[at];
    if (mark === PLUS || mark === COLON) return -1;
    if (mark === STAR) {
      this.owed += Number(chunk.toString('latin1', at + 1, lineEnd));
      return -1;
    }
    const length = mark === DOLLAR ? Number(chunk.toString('latin1', at + 1, lineEnd)) : NaN;
    if (Number.isNaN(length)) throw new Error(`the load got ${chunk.toString('latin1', at, lineEnd)}`);
    return length;
  }

  /** Where the next reply begins, or the end of the chunk. */
  private passBulk(length: number, start: number, end: number): number {
    if (this.owed === 0) throw new Error('the load got a reply that it did not ask for');
    const next = length < 0 ? start : start + length + 2;
    if (next <= end) {
      this.owed--;
      return next;
    }
    this.skip = next - end;
    return end;
  }
}
