/**
 * A session: what one connection has said and chosen. It is the context of every command that the connection runs.
 */
import type { Client, Context, Deferred, EventClass, NodeServices } from '../commands/context.js';
import type { Protocol } from '../protocol/reply-writer.js';
import type { Keyspace } from '../store/keyspace.js';
import type { Store } from '../store/store.js';
import type { Slice } from '../util/bytes.js';

/** What a session needs of its connection; a session without a connection defers nothing. */
export interface Transport {
  defer(holds: boolean): Deferred;
  closeAfterReply(): void;
}

export class Session implements Context, Client {
  db: Keyspace;
  protocol: Protocol = 2;
  name = '';
  isAuthenticated: boolean;
  /** The client wants no reply to the request that runs (CLIENT REPLY). */
  isMuted = false;

  constructor(
    readonly id: number,
    readonly node: NodeServices,
    readonly store: Store,
    private readonly transport: Transport,
  ) {
    this.db = store.databases[0]!;
    this.isAuthenticated = node.settings.text('requirepass') === '';
  }

  get client(): Client {
    return this;
  }

  changed(_key: Slice, _eventClass: EventClass, _event: string): void {
    this.store.changes++;
  }

  defer(holds: boolean): Deferred {
    return this.transport.defer(holds);
  }

  reset(): void {
    this.db = this.store.databases[0]!;
    this.protocol = 2;
    this.name = '';
    this.isMuted = false;
    this.isAuthenticated = this.node.settings.text('requirepass') === '';
  }

  closeAfterReply(): void {
    this.transport.closeAfterReply();
  }
}
