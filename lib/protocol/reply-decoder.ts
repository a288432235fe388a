/**
 * The reply decoder: one RESP2 reply as a value, for the few replies that the node itself reads (a handshake, a control
 * command). Replies that merely pass through are never decoded; see reply-framer.ts.
 */
import RedisParser from 'redis-parser';

export class ReplyError extends Error {}

export type Reply = string | number | null | ReplyError | Reply[];

/** The value of one whole reply; strings are latin1. */
export function decodeReply(bytes: Buffer): Reply {
  let decoded: Reply = null;
  const take = (reply: unknown): void => {
    decoded = asReply(reply);
  };
  const parser = new RedisParser({
    returnBuffers: true,
    returnReply: take,
    returnError: take,
    returnFatalError: (error: Error) => (decoded = new ReplyError(error.message)),
  });
  parser.execute(bytes);
  return decoded;
}

function asReply(reply: unknown): Reply {
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  if (Array.isArray(reply)) return reply.map(asReply);
  if (reply instanceof Error) return new ReplyError(reply.message);
  return typeof reply === 'number' ? reply : null;
}
