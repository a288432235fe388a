/** What a setting allows to nobody (`no`), to everybody (`yes`), or to clients on this machine (`local`). */
import type { Context } from './context.js';

/** 127.0.0.1, ::1, and the path of a Unix socket: that of the console is the only one. As in redis-server. */
const LOCAL_ADDRESS = /^(127\.0\.0\.1:|\[::1\]:|\/)/;

/**
 * Whether the client may do what `setting` is about.
 *
 * Source: allowProtectedAction() and islocalClient() in redis's server.c and networking.c.
 */
export function mayDoProtected({ client, node }: Context, setting: string): boolean {
  const allowed = node.settings.text(setting);
  return allowed === 'yes' || (allowed === 'local' && LOCAL_ADDRESS.test(client.address));
}
