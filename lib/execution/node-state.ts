/**
 * The state of one node that everything on it shares: its store, settings, counters and clients. Two nodes in one
 * process have two of these, and nothing else in common.
 */
import type { Session } from './session.js';
import { mustAuthenticate } from '../commands/authentication.js';
import type { NodeServices } from '../commands/context.js';
import type { CommandTable } from '../commands/table.js';
import type { Settings } from '../config/settings.js';
import type { DecoderLimits } from '../protocol/request-decoder.js';
import type { Store } from '../store/store.js';
import type { Clock } from '../util/clock.js';
import type { Log } from '../util/log.js';
import { Stats } from '../util/stats.js';

/** Settings that connections ask for often, as numbers. */
export class Limits {
  bulkBytesMax = 0;
  queryBytesMax = 0;
  lineBytesMax = 0;
  clientsMax = 0;
  /** How long a connection that is being closed may take to read its last replies. */
  lingerMs = 5000;

  constructor(settings: Settings) {
    settings.watch('proto-max-bulk-len', () => (this.bulkBytesMax = settings.integer('proto-max-bulk-len')));
    settings.watch('client-query-buffer-limit', () => (this.queryBytesMax = settings.integer('client-query-buffer-limit')));
    settings.watch('line-max-bytes', () => (this.lineBytesMax = settings.integer('line-max-bytes')));
    settings.watch('maxclients', () => (this.clientsMax = settings.integer('maxclients')));
  }

  /** Whether unread replies of so many bytes end the connection. */
  isOverOutput(_bytes: number): boolean {
    return false;
  }
}

export class NodeState implements NodeServices {
  readonly stats = new Stats();
  readonly limits: Limits;
  readonly clients = new Map<number, Session>();
  private lastClientId = 0;

  constructor(
    readonly store: Store,
    readonly settings: Settings,
    readonly table: CommandTable,
    readonly clock: Clock,
    readonly log: Log,
  ) {
    this.limits = new Limits(settings);
  }

  nextClientId(): number {
    return ++this.lastClientId;
  }

  /** Called before a batch of requests: they all see the same moment. */
  beginBatch(): void {
    this.store.setNow(this.clock.nowMs());
  }

  decoderLimits(session: Session): DecoderLimits {
    const { limits } = this;
    return {
      get bulkBytesMax() {
        return limits.bulkBytesMax;
      },
      get isAuthRequired() {
        return mustAuthenticate(session);
      },
    };
  }
}
