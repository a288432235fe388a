/**
 * Merging: the replies of a scattered command's parts made into one. They are bytes and stay bytes. No part is an
 * error; see scatter.ts.
 */
import type { MergeParts, Part } from './scatter.js';
import type { Merge } from '../commands/spec.js';
import { ReplyFramer } from '../protocol/reply-framer.js';

/** The merge for a rule of the command table. */
export function mergeBy(rule: Merge): MergeParts {
  return RULES[rule];
}

const RULES: Readonly<Record<Merge, MergeParts>> = {
  by_key: mergeByKey,
  agg_sum: (parts) => [Buffer.from(`:${parts.reduce((sum, part) => sum + integerOf(part.reply), 0n)}\r\n`)],
  all_succeeded: (parts) => [parts[0]!.reply],
  concat,
};

/** Each part answered an array with an element for each of its keys: one array in the order of the request. */
function mergeByKey(parts: readonly Part[]): Buffer[] {
  const elements: Buffer[] = [];
  for (const part of parts) {
    const { reply } = part;
    const framer = new ReplyFramer();
    let at = behindHeader(reply);
    for (const key of part.keys) {
      const end = framer.next(reply, at, reply.length);
      elements[key] = reply.subarray(at, end);
      at = end;
    }
  }
  return [Buffer.concat([Buffer.from(`*${elements.length}\r\n`), ...elements])];
}

/** Each part answered an array or a set: all of them as one. */
function concat(parts: readonly Part[]): Buffer[] {
  return concatenated(parts.map((part) => part.reply));
}

/** Arrays, sets or maps as one. */
export function concatenated(replies: readonly Buffer[]): Buffer[] {
  const count = replies.reduce((sum, reply) => sum + Number(integerOf(reply)), 0);
  const header = Buffer.from(`${String.fromCharCode(replies[0]![0]!)}${count}\r\n`);
  return [header, ...replies.map((reply) => reply.subarray(behindHeader(reply)))];
}

/** The number in a reply's first line. */
export function integerOf(reply: Buffer): bigint {
  return BigInt(reply.toString('latin1', 1, behindHeader(reply) - 2));
}

/** The place behind a reply's first line. */
export function behindHeader(reply: Buffer): number {
  return reply.indexOf(10) + 1;
}
