/**
 * The limit on memory: before each command that runs here, as long as `maxmemory` is set, buckets are evicted until the
 * data fit again. Where nothing may be evicted, commands that need memory are refused.
 *
 * What counts is what data and clients take: the arena's blocks (buckets and indexes), the estimate for what structures
 * have beside it, and the requests and replies that wait in connections' buffers. The program itself does not count.
 * INFO's `used_memory` is the same figure. Buffers are added up ten times a second.
 *
 * Never a long stop: one command waits for eviction as long as `maxmemory-eviction-tenacity` allows, half a millisecond
 * as a rule; then it runs, and eviction goes on between the turns of the event loop. Large buckets are freed in slices:
 * what has been dropped is freed first, before anything more is evicted.
 *
 * Source: redis's performEvictions() and processCommand().
 */
import type { NodeState } from './node-state.js';
import type { Command } from '../commands/table.js';

/** The clock is looked at once for so many evictions. */
const EVICTIONS_PER_LOOK = 16;

/** `ok`: data fit. `busy`: they do not, and eviction goes on. `full`: they do not, and nothing may be evicted. */
type State = 'ok' | 'busy' | 'full';

/** `maxmemory-eviction-tenacity` as microseconds: even steps up to 10, then 15 % more each, and no limit at 100. */
function readTenacity(tenacity: number): number {
  if (tenacity <= 10) return 50 * tenacity;
  return tenacity < 100 ? Math.floor(500 * 1.15 ** (tenacity - 10)) : Infinity;
}

export class MaxMemory {
  /** Whether there is a limit. Looked at before every command; everything else here only while it is true. */
  isSet = false;
  private limitBytes = 0;
  private effortUs = 0;
  /** Bytes of requests and replies in clients' buffers, when they were last added up. */
  private clientBytes = 0;
  private isGoingOn = false;
  private isStopped = false;
  /** Since when the data have not fitted; 0 when they do. */
  private exceededSinceUs = 0;
  private exceededUs = 0;

  constructor(private readonly node: NodeState) {
    const { settings, store } = node;
    settings.watch('maxmemory-policy', () => store.evictor.choose(settings.text('maxmemory-policy')));
    settings.watch('maxmemory-samples', () => (store.evictor.samples = settings.integer('maxmemory-samples')));
    settings.watch('maxmemory-eviction-tenacity', () => {
      this.effortUs = readTenacity(settings.integer('maxmemory-eviction-tenacity'));
    });
    settings.watch('maxmemory', () => this.setLimit(settings.integer('maxmemory')));
  }

  private setLimit(limitBytes: number): void {
    this.limitBytes = limitBytes;
    this.isSet = limitBytes > 0;
    if (!this.isSet) return this.note('ok');
    this.countClients();
    if (this.fits()) return;
    this.node.log.warning(
      `The new maxmemory (${limitBytes}) is smaller than the memory in use (${this.usedBytes}): ` +
        'buckets are evicted or commands that need memory refused, depending on maxmemory-policy.',
    );
    this.goOn();
  }

  /** What counts against the limit, as of now but for clients' buffers. */
  private get usedBytes(): number {
    return this.node.store.usedBytes + this.clientBytes;
  }

  private fits(): boolean {
    return this.usedBytes <= this.limitBytes;
  }

  /** Adds up what waits in clients' buffers. */
  countClients(): void {
    this.clientBytes = 0;
    if (!this.isSet) return;
    for (const client of this.node.clients.values()) this.clientBytes += client.bufferBytes();
  }

  /** Makes room before a command runs; whether it must be refused because there is none. */
  refuses(command: Command): boolean {
    return this.isFull() && command.isDeniedOutOfMemory;
  }

  /** Makes room, and says that there is none. */
  isFull(): boolean {
    return this.makeRoom() === 'full';
  }

  private makeRoom(): State {
    if (this.fits() && this.exceededSinceUs === 0) return 'ok';
    // During a pause data are to stay as they are.
    if (this.node.pause.isActive) return 'ok';
    const state = this.fits() ? 'ok' : this.evict();
    this.note(state);
    return state;
  }

  private evict(): State {
    const { clock, latency, store } = this.node;
    const startUs = clock.elapsedUs();
    const endUs = startUs + this.effortUs;
    const isEnough = (): boolean => this.fits() || clock.elapsedUs() > endUs;
    let state: State = 'ok';
    for (let evicted = 0; !this.fits(); ) {
      if (store.reclaimer.pending > 0) store.reclaimer.run(isEnough);
      else if (!store.evictor.evict()) {
        state = 'full';
        break;
      } else if (++evicted % EVICTIONS_PER_LOOK > 0) continue;
      if (!this.fits() && clock.elapsedUs() > endUs) {
        state = 'busy';
        break;
      }
    }
    const tookUs = clock.elapsedUs() - startUs;
    if (latency.isSlow(tookUs)) latency.add('eviction-cycle', tookUs, clock.nowMs());
    if (state === 'busy') this.goOn();
    return state;
  }

  /** Evicts further in the next turns of the event loop. */
  private goOn(): void {
    if (this.isGoingOn || this.isStopped) return;
    this.isGoingOn = true;
    setImmediate(() => {
      this.isGoingOn = false;
      if (this.isStopped || !this.isSet) return;
      this.node.beginBatch();
      this.makeRoom();
      if (this.node.waits.hasReady) this.node.waits.serve();
      this.node.endBatch();
    });
  }

  /** For the end of the node. */
  stop(): void {
    this.isStopped = true;
  }

  // ---- figures for INFO

  private note(state: State): void {
    const nowUs = this.node.clock.elapsedUs();
    if (state !== 'ok') this.exceededSinceUs ||= nowUs;
    else if (this.exceededSinceUs > 0) {
      this.exceededUs += nowUs - this.exceededSinceUs;
      this.exceededSinceUs = 0;
    }
  }

  /** For how long the data have not fitted, in microseconds: this time, and altogether since CONFIG RESETSTAT. */
  get exceeded(): { nowUs: number; totalUs: number } {
    const nowUs = this.exceededSinceUs === 0 ? 0 : this.node.clock.elapsedUs() - this.exceededSinceUs;
    return { nowUs, totalUs: this.exceededUs + nowUs };
  }

  /** For CONFIG RESETSTAT. */
  resetStats(): void {
    this.exceededUs = 0;
    if (this.exceededSinceUs > 0) this.exceededSinceUs = this.node.clock.elapsedUs();
  }
}
