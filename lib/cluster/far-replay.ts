/**
 * What a client sees of its transaction that ran on a peer: the peer's replies, gone through in the order of the
 * commands, with what is for this node done in its place.
 *
 * Commands that concern this node or the connection (SUBSCRIBE, CONFIG, CLIENT, ECHO, ...) run here now, and their
 * replies are put into the array. SELECT and HELLO concern both ends: they have run there too. What the transaction has
 * published is with all other subscribers already; its own client, which the peer was told to leave out, gets it here:
 * in its place, and as its subscriptions are by then. CLIENT REPLY leaves out replies from its place on.
 *
 * Keyspace events of what the client itself has changed come over the feed like all others', behind the reply.
 */
import { behindHeader, integerOf } from './merge.js';
import { type Part, Scatter } from './scatter.js';
import type { Command } from '../commands/table.js';
import type { Session } from '../execution/session.js';
import { Args, setArgs } from '../protocol/args.js';
import { ReplyFramer } from '../protocol/reply-framer.js';

const STAR = 42;
const COLON = 58;

/** Where a queued command runs. */
export type Side = 'far' | 'here' | 'both';

/** What EXEC needs of the router. */
export interface Sides {
  sideOf(command: Command, args: Args): Side;
  /** Runs a command on this node as a part of something larger. */
  runHere(part: Part, session: Session, command: Command, args: Args): void;
}

/** A command that is not the peer's alone. */
interface Own {
  readonly side: Side;
  readonly command: Command;
  readonly args: Args;
  /** How often the client got the message that this publishes, as the peer counts. */
  readonly counted: number;
}

/** What a command adds to the reply. */
interface Told {
  readonly messages: readonly Buffer[];
  /** Still to come when it is a part's. */
  readonly reply: Buffer | Part;
  readonly isUnwanted: boolean;
}

export class FarReplay {
  /** One for each command; undefined for one that is the peer's alone. */
  private readonly steps: (Own | undefined)[] = [];
  /** The transaction publishes something. */
  publishes = false;

  constructor(
    private readonly session: Session,
    private readonly sides: Sides,
  ) {}

  /** Takes the next command of the transaction, and says where it runs. */
  add(command: Command, args: Args): Side {
    const side = this.sides.sideOf(command, args);
    const isMessage = side === 'far' && isPublish(command);
    this.publishes ||= isMessage;
    const counted = isMessage ? this.messagesOf(command, args).length : 0;
    this.steps.push(side === 'far' && !isMessage ? undefined : { side, command, args: copyOf(args), counted });
    return side;
  }

  /** The messages that the client gets now of what it publishes itself. */
  private messagesOf(command: Command, args: Args): Buffer[] {
    const { session } = this;
    const kind = command.name === 'publish' ? 'channel' : 'shard';
    return session.node.pubsub.messagesTo(session, kind, args.slice(1), args.slice(2));
  }

  /** Calls `then` with the client's reply to EXEC, made of the peer's. */
  answer(reply: Buffer, then: (pieces: readonly Buffer[]) => void): void {
    const isExecuted = reply[0] === STAR && integerOf(reply) >= 0n;
    if (!isExecuted || this.steps.every((step) => step === undefined)) return then([reply]);
    const { session } = this;
    const told: Told[] = [];
    const scatter = new Scatter(() => then([Buffer.from(`*${told.length}\r\n`), ...told.flatMap(piecesOf)]));
    const framer = new ReplyFramer();
    let at = behindHeader(reply);
    for (const step of this.steps) {
      const start = at;
      if (step?.side !== 'here') at = framer.next(reply, at, reply.length);
      told.push(this.tell(step, reply.subarray(start, at), scatter));
    }
    // CLIENT REPLY SKIP is for what comes behind EXEC.
    session.endRequest();
    scatter.close();
  }

  private tell(step: Own | undefined, reply: Buffer, scatter: Scatter): Told {
    const { session } = this;
    if (step === undefined) return { messages: [], reply, isUnwanted: session.isMuted };
    const { side, command, args, counted } = step;
    if (side === 'far') {
      const messages = this.messagesOf(command, args);
      const isCount = reply[0] === COLON;
      const count = isCount ? integerOf(reply) + BigInt(messages.length - counted) : 0n;
      return { messages, reply: isCount ? Buffer.from(`:${count}\r\n`) : reply, isUnwanted: session.isMuted };
    }
    const part = scatter.add('');
    this.sides.runHere(part, session, command, args);
    return { messages: [], reply: part, isUnwanted: session.isMuted };
  }
}

function isPublish(command: Command): boolean {
  return command.name === 'publish' || command.name === 'spublish';
}

function piecesOf({ messages, reply, isUnwanted }: Told): Buffer[] {
  if (isUnwanted) return [...messages];
  return [...messages, Buffer.isBuffer(reply) ? reply : reply.reply];
}

function copyOf(args: Args): Args {
  return setArgs(new Args(), Array.from({ length: args.count }, (_, index) => args.copy(index)));
}
