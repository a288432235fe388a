/**
 * One client's transaction: what it watches, what it has queued since MULTI, and its end by EXEC or DISCARD.
 *
 * The queue is the requests' own bytes, one behind the other in one buffer, and is decoded again by EXEC. So a queued
 * command costs what it weighs, and a transaction that belongs on another node (`place`) goes there as it is.
 *
 * A request that is refused while queueing aborts the transaction; an error while it runs does not. Nothing comes
 * between its commands: they run in one go, nobody who waits is served before the end, and none of them waits.
 */
import type { Router } from './execute.js';
import { runCommand } from './run.js';
import type { Session } from './session.js';
import type { Watched, Watcher } from './watches.js';
import type { TransactionSteps } from '../commands/context.js';
import type { Command } from '../commands/table.js';
import { discardWithoutMulti, execAborted, execWithoutMulti, nestedMulti, watchInsideMulti } from '../errors.js';
import type { Args } from '../protocol/args.js';
import type { ReplyWriter } from '../protocol/reply-writer.js';
import { COMPLETE, RequestDecoder } from '../protocol/request-decoder.js';
import type { Slice } from '../util/bytes.js';

/** Where a transaction runs when that is another node; see cluster/far-transaction.ts. */
export interface FarPlace {
  watch(session: Session, args: Args): void;
  /** The transaction is over or given up. */
  release(): void;
}

const QUEUE_BYTES_MIN = 512;
const NOTHING = Buffer.alloc(0);
/** A request that was queued has kept the limits already. */
const NO_LIMITS = { bulkBytesMax: 2 ** 31 - 1, isAuthRequired: false };
/** What redis-server counts for each argument besides its bytes. */
const ARGUMENT_OVERHEAD_BYTES = 8;

export class Transaction implements TransactionSteps, Watcher {
  isOpen = false;
  isStale = false;
  readonly watched: Watched[] = [];
  /** The commands that are queued. */
  commands: Command[] = [];
  /** The name of the node that owns the buckets it is about; undefined until there is one. */
  node: string | undefined;
  place: FarPlace | undefined;
  /** By what `node` was found; see cluster/router.ts. */
  routedBy: object | undefined;
  /** Takes care of what is not (only) for this node, in a transaction that runs here. */
  router: Router | undefined;

  private isAborted = false;
  private queue = NOTHING;
  private queuedBytes = 0;
  /** As redis-server counts the memory of what is queued. */
  memory = 0;

  constructor(private readonly session: Session) {}

  // ---- the commands

  begin(): void {
    if (this.isOpen) throw nestedMulti();
    this.isOpen = true;
    this.session.isQueueing = true;
  }

  watch(key: Slice): void {
    this.checkMayWatch();
    // It fails already.
    if (this.isStale) return;
    this.session.node.watches.add(this, this.session.db, key);
  }

  /** Throws when WATCH comes too late. */
  checkMayWatch(): void {
    if (this.isOpen) throw watchInsideMulti();
  }

  unwatch(): void {
    this.session.node.watches.remove(this);
    this.isStale = false;
    if (!this.isOpen) this.end();
  }

  discard(): void {
    if (!this.isOpen) throw discardWithoutMulti();
    this.end();
  }

  exec(reply: ReplyWriter): void {
    if (!this.mayRun()) return reply.nilArray();
    const { commands, queue, queuedBytes, router, session } = this;
    this.end();
    const mark = reply.length;
    reply.array(commands.length);
    dropUnwanted(session, reply, mark);
    session.mayWait = false;
    session.node.propagation.begin();
    const decoder = new RequestDecoder(NO_LIMITS);
    decoder.feed(queue, queuedBytes);
    for (const command of commands) {
      decoder.next();
      const start = reply.length;
      runCommand(session, command, decoder.args, reply, router);
      dropUnwanted(session, reply, start);
      reply.protocol = session.protocol;
    }
    session.node.propagation.end();
    session.mayWait = true;
    // It may have begun to track in the midst, and stopped again.
    if (session.node.tracking.current === session) session.node.tracking.commandDone();
  }

  /** Nothing was refused, and nothing that this node watches has changed as far as it knows. */
  get isRunnable(): boolean {
    return !this.isAborted && !this.isStale;
  }

  /**
   * Whether nothing that is watched has changed; when something has, the transaction is over. Throws when there is
   * none, or it was aborted.
   */
  mayRun(): boolean {
    if (!this.isOpen) throw execWithoutMulti();
    this.session.node.watches.lookAt(this);
    // What a peer was to watch has become this node's own, and nobody knows what happened meanwhile.
    if (this.place !== undefined) this.isAborted = true;
    const { isAborted, isStale } = this;
    if (!isAborted && !isStale) return true;
    this.end();
    if (isAborted) throw execAborted();
    return false;
  }

  // ---- the queue

  add(command: Command, args: Args): void {
    // It will not run: what follows is only answered.
    if (this.isAborted || this.isStale) return;
    const bytes = args.end - args.start;
    if (this.queuedBytes + bytes > this.queue.length) this.grow(this.queuedBytes + bytes);
    args.bytes.copy(this.queue, this.queuedBytes, args.start, args.end);
    this.queuedBytes += bytes;
    this.commands.push(command);
    for (let index = 0; index < args.count; index++) this.memory += args.lengths[index]! + ARGUMENT_OVERHEAD_BYTES;
  }

  private grow(byteCount: number): void {
    const queue = Buffer.allocUnsafeSlow(Math.max(QUEUE_BYTES_MIN, byteCount, this.queue.length * 2));
    this.queue.copy(queue, 0, 0, this.queuedBytes);
    this.queue = queue;
  }

  /** A request was refused: EXEC will be too. */
  abort(): void {
    this.isAborted = true;
  }

  /** Whether a pause of writes must hold EXEC back. */
  get writes(): boolean {
    return this.commands.some((command) => command.isWrite || command.mayReplicate);
  }

  get needsMemory(): boolean {
    return this.commands.some((command) => command.isDeniedOutOfMemory);
  }

  /** Calls `visit` for each queued request; the arguments are valid during the call. */
  forEach(visit: (command: Command, args: Args) => void): void {
    const decoder = new RequestDecoder(NO_LIMITS);
    decoder.feed(this.queue, this.queuedBytes);
    for (const command of this.commands) if (decoder.next() === COMPLETE) visit(command, decoder.args);
  }

  /** Forgets everything. */
  end(): void {
    const { session, place } = this;
    session.node.watches.remove(this);
    this.place = undefined;
    session.isQueueing = false;
    session.transaction = undefined;
    place?.release();
  }
}

/** CLIENT REPLY counts at once: what a client does not want is left out, and the rest of EXEC's reply stays. */
function dropUnwanted(session: Session, reply: ReplyWriter, start: number): void {
  if (session.isMuted && reply.length > start) reply.rewind(start);
}
