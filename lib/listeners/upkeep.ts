/**
 * Upkeep: what a node does ten times a second besides serving requests. It follows the system's time, measures rates
 * for INFO, and closes clients that are idle for too long or leave too much unread for too long, which nobody would
 * notice otherwise.
 */
import type { Connection } from './connection.js';
import type { NodeState } from '../execution/node-state.js';

const PERIOD_MS = 100;
/** Clients are looked at once in so many periods. */
const CLIENTS_EVERY = 10;

export class Upkeep {
  private timer: NodeJS.Timeout | undefined;
  private periods = 0;

  constructor(
    private readonly node: NodeState,
    private readonly connections: ReadonlySet<Connection>,
  ) {}

  start(): void {
    this.timer = setInterval(() => this.run(), PERIOD_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** One period's work. */
  run(): void {
    const { clock, maxMemory, stats, wallClock } = this.node;
    wallClock.sync();
    stats.sample(clock.elapsedUs());
    if (maxMemory.isSet) maxMemory.countClients();
    if (++this.periods % CLIENTS_EVERY !== 0) return;
    const nowMs = clock.nowMs();
    for (const connection of this.connections) connection.keepLimits(nowMs);
  }
}
