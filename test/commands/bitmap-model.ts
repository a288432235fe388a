/** Random commands on a few strings, sent to a node and to redis-server: every reply must be the same. */
import { seededRandom, type Random } from '../../lib/util/random.js';
import { referenceTest, withNodeAndReference } from '../support/macros.js';
import { RawClient, encode } from '../support/raw-client.js';
import { seedOf } from '../support/seed.js';

const COMMANDS = 100_000;
const BATCH = 500;
const KEYS = ['a', 'b', 'c', 'd'];
/** Most strings are short, so that ends and growth are met often; one in a while passes the 64 KiB of a piece. */
const LONG_BYTES = 200_000;

class Generator {
  constructor(private readonly random: Random) {}

  command(): string[] {
    const key = this.key();
    switch (this.below(16)) {
      case 0: case 1: return ['SETBIT', key, this.bit(), this.pick('0', '1')];
      case 2: return ['GETBIT', key, this.bit()];
      case 3: return ['BITCOUNT', key, ...this.range('BIT', 'BYTE')];
      case 4: case 5: return ['BITPOS', key, this.pick('0', '1'), ...this.positionRange()];
      case 6: return ['BITOP', 'NOT', this.key(), key];
      case 7: return ['BITOP', this.pick('AND', 'OR', 'XOR'), this.key(), ...Array.from({ length: 1 + this.below(3) }, () => this.key())];
      case 8: case 9: case 10: return ['BITFIELD', key, ...Array.from({ length: 1 + this.below(3) }, () => this.operation()).flat()];
      case 11: return ['SETRANGE', key, String(this.below(this.below(200) === 0 ? LONG_BYTES : 300)), this.bytes()];
      case 12: return ['APPEND', key, this.bytes()];
      case 13: return ['GETRANGE', key, this.place(), this.place()];
      case 14: return this.below(3) === 0 ? ['GETDEL', key] : ['SET', key, this.bytes()];
      default: return ['STRLEN', key];
    }
  }

  private below(limit: number): number {
    return Math.floor(this.random.next() * limit);
  }

  private pick(...choices: string[]): string {
    return choices[this.below(choices.length)]!;
  }

  private key(): string {
    return this.pick(...KEYS);
  }

  private bit(): string {
    return String(this.below(this.below(200) === 0 ? LONG_BYTES * 8 : 2000));
  }

  private place(): string {
    return String(this.below(400) - 200);
  }

  private range(...units: string[]): string[] {
    const unit = this.below(2) === 0 ? [this.pick(...units)] : [];
    return this.below(4) === 0 ? [] : [this.place(), this.place(), ...unit];
  }

  private positionRange(): string[] {
    return this.below(4) === 0 ? [this.place()] : this.range('BIT', 'BYTE');
  }

  private bytes(): string {
    const kind = this.below(3);
    const fill = kind === 0 ? '\x00' : '\xff';
    return Array.from({ length: this.below(40) }, () => (kind === 2 ? String.fromCharCode(this.below(256)) : fill)).join('');
  }

  private operation(): string[] {
    const isSigned = this.below(2) === 0;
    const bits = 1 + this.below(isSigned ? 64 : 63);
    const place = this.below(2) === 0 ? `#${this.below(20)}` : String(this.below(1000));
    const field = [`${isSigned ? 'i' : 'u'}${bits}`, place];
    const verb = this.pick('GET', 'SET', 'INCRBY');
    const overflow = this.below(2) === 0 ? ['OVERFLOW', this.pick('WRAP', 'SAT', 'FAIL')] : [];
    return verb === 'GET' ? [verb, ...field] : [...overflow, verb, ...field, this.int64()];
  }

  /** As often near a power of two as anywhere. */
  private int64(): string {
    const wide = BigInt.asIntN(64, (BigInt(this.below(2 ** 32)) << 32n) | BigInt(this.below(2 ** 32)));
    const near = BigInt.asIntN(64, (1n << BigInt(this.below(64))) + BigInt(this.below(5) - 2));
    const narrow = wide >> BigInt(this.below(64));
    return this.pick(...[wide, narrow, near, -near % 2n ** 63n].map(String));
  }
}

referenceTest('random commands on bits have the replies of redis-server', withNodeAndReference, async (t, node, reference) => {
  let compared = 0;
  t.timeout(120_000);
  const generator = new Generator(seededRandom(seedOf(t)));
  const ours = await RawClient.connect(node.port);
  const theirs = await RawClient.connect(reference.port);
  t.teardown(() => [ours, theirs].forEach((client) => client.close()));
  for (let done = 0; done < COMMANDS; done += BATCH) {
    const commands = Array.from({ length: BATCH }, () => generator.command());
    const bytes = Buffer.concat(commands.map(encode));
    ours.send(bytes);
    theirs.send(bytes);
    for (const command of commands) {
      const [got, expected] = [await ours.reply(), await theirs.reply()];
      if (got !== expected) {
        t.is(got, expected, JSON.stringify(command).slice(0, 300));
        return;
      }
      compared++;
    }
  }
  t.is(compared, COMMANDS);
});
