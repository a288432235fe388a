/**
 * Who a client is. There is one user, `default`; its password is the setting `requirepass`, and without one everybody
 * is welcome. AUTH and HELLO come here, and the executor asks before every command of a client that has not said it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context } from './context.js';

/** Whether the client must still authenticate. */
export function mustAuthenticate({ client, node }: Context): boolean {
  return !client.isAuthenticated && node.settings.text('requirepass') !== '';
}

/**
 * Authenticates the client and says whether that worked; a failure leaves it as it was. Names and passwords are text
 * of one char a byte. Without `requirepass` any password of `default` is right.
 */
export function authenticate({ client, node }: Context, user: string, password: string): boolean {
  const expected = node.settings.text('requirepass');
  if (user !== 'default' || (expected !== '' && !isSame(password, expected))) return false;
  client.isAuthenticated = true;
  return true;
}

/** Compares in a time that does not depend on where the first difference is. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text, 'latin1').digest();
  return timingSafeEqual(digest(given), digest(expected));
}
