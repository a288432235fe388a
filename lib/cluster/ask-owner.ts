/** Requests that a node makes of the owner of a bucket by itself, as a part of something larger. */
import type { ShardRouter } from './router.js';
import { Scatter } from './scatter.js';
import { CommandError } from '../errors.js';
import type { Session } from '../execution/session.js';
import { Args, setArgs } from '../protocol/args.js';
import { type Reply, ReplyError, decodeReply } from '../protocol/reply-decoder.js';

const RESP3_NIL = 95;

/**
 * Asks the owner of `key`, in a database; not while a pause there or here is for such a request. Rejects with a
 * CommandError when the reply is an error, or there is none.
 */
export async function askOwner(
  router: ShardRouter, session: Session, key: Buffer, database: number, request: readonly (string | Buffer)[],
): Promise<Reply> {
  const { map } = router.routes;
  const owner = map.ownerOf(key, 0, key.length);
  const name = map.owners[owner];
  if (name === undefined) throw new CommandError(`ERR ${map.describeGap(key)}`);
  const args = setArgs(new Args(), request);
  const found = session.node.table.find(args)!;
  const command = found.subcommands?.get(args.text(1).toLowerCase()) ?? found;
  for (;;) {
    const holder = router.holderOf(owner, session, command, database);
    if (holder === undefined) break;
    await new Promise<void>((resolve) => holder.wait(resolve));
  }
  return new Promise((resolve, reject) => {
    const scatter = new Scatter(([part]) => {
      const reply = part!.reply[0] === RESP3_NIL ? null : decodeReply(part!.reply);
      if (reply instanceof ReplyError) reject(new CommandError(reply.message));
      else resolve(reply);
    });
    router.askOwner(scatter.add(name), owner, session, command, args, database);
    scatter.close();
  });
}
