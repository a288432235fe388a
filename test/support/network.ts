/**
 * A network for tests: real connections whose cables can be cut, slowed down and put back, from one node to another.
 * What was on its way when a cable is cut is lost, as it is with real ones.
 */
import type { NodeAddress } from '../../lib/cluster/node-address.js';
import { type Dial, type Wire, type WireEvents, dial } from '../../lib/cluster/wire.js';
import type { Random } from '../../lib/util/random.js';

interface Cable {
  isCut: boolean;
  delayMs: number;
  wires: Set<DelayedWire>;
}

export class TestNetwork {
  private readonly cables = new Map<string, Cable>();

  constructor(private readonly random: Random) {}

  /** How `from` reaches its peers; the far end is known by its address. */
  dialOf(from: string): Dial {
    return (address, events) => new DelayedWire(this.cable(from, address), address, events, this.random);
  }

  private cable(from: string, to: NodeAddress): Cable {
    const name = `${from} ${to.shown}`;
    let cable = this.cables.get(name);
    if (cable === undefined) this.cables.set(name, (cable = { isCut: false, delayMs: 0, wires: new Set() }));
    return cable;
  }

  private any(): Cable | undefined {
    const all = [...this.cables.values()];
    return all[Math.floor(this.random.next() * all.length)];
  }

  cutOne(): void {
    const cable = this.any();
    if (cable === undefined) return;
    cable.isCut = true;
    for (const wire of cable.wires) wire.cut();
  }

  delayOne(ms: number): void {
    const cable = this.any();
    if (cable !== undefined) cable.delayMs = ms;
  }

  /** From now on each thing takes up to `ms` from any node to any other. */
  delayAll(ms: number): void {
    for (const cable of this.cables.values()) cable.delayMs = ms;
  }

  /** Nothing is on its way. */
  get isQuiet(): boolean {
    return [...this.cables.values()].every(({ wires }) => [...wires].every((wire) => wire.isQuiet));
  }

  restoreAll(): void {
    for (const cable of this.cables.values()) {
      cable.isCut = false;
      cable.delayMs = 0;
    }
  }
}

/** A wire on which everything takes its time, in order. */
class DelayedWire implements Wire {
  private inner: Wire | undefined;
  private isOver = false;
  private waitingBytes = 0;
  private readonly outbound: Lane;
  private readonly inbound: Lane;

  constructor(
    private readonly cable: Cable, address: NodeAddress, private readonly events: WireEvents, random: Random,
  ) {
    const delay = (): number => cable.delayMs * random.next();
    this.outbound = new Lane(delay);
    this.inbound = new Lane(delay);
    cable.wires.add(this);
    if (cable.isCut) setImmediate(() => this.end('no route to host'));
    else this.inner = this.open(address);
  }

  private open(address: NodeAddress): Wire {
    return dial(address, {
      onOpen: () => this.inbound.add(() => !this.isOver && this.events.onOpen()),
      onChunk: (chunk) => {
        const copy = Buffer.from(chunk);
        this.inbound.add(() => !this.isOver && this.events.onChunk(copy));
      },
      onDrain: () => !this.isOver && this.events.onDrain(),
      onClose: (reason) => this.inbound.add(() => this.end(reason)),
    });
  }

  get writableLength(): number {
    return this.waitingBytes;
  }

  get isQuiet(): boolean {
    return this.outbound.count === 0 && this.inbound.count === 0;
  }

  write(bytes: Buffer, done?: () => void): void {
    const copy = Buffer.from(bytes);
    this.waitingBytes += copy.length;
    this.outbound.add(() => {
      this.waitingBytes -= copy.length;
      if (this.isOver) return;
      this.inner?.write(copy, done);
      if (this.waitingBytes === 0) this.events.onDrain();
    });
  }

  destroy(): void {
    this.isOver = true;
    this.cable.wires.delete(this);
    this.inner?.destroy();
  }

  cut(): void {
    this.inner?.destroy();
    setImmediate(() => this.end('connection reset'));
  }

  private end(reason: string): void {
    if (this.isOver) return;
    this.destroy();
    this.events.onClose(reason);
  }
}

/** Does things one after the other, each after a delay. */
class Lane {
  /** What is still to be done. */
  count = 0;
  private last = Promise.resolve();

  constructor(private readonly delay: () => number) {}

  add(action: () => unknown): void {
    const ms = this.delay();
    this.count++;
    this.last = this.last.then(
      () => new Promise((resolve) => {
        const act = (): void => {
          this.count--;
          action();
          resolve();
        };
        if (ms < 1) setImmediate(act);
        else setTimeout(act, ms);
      }),
    );
  }
}
