/**
 * The handshake: how two nodes prove the cookie to each other before anything else is said on a peer link.
 *
 *     initiator (foo)                                    acceptor (bar)
 *     PEER HELLO 1 foo <nonce of foo>           ->
 *                                               <-       [bar, <nonce of bar>]
 *     PEER PROVE <proof> <db> <protocol> <map>  ->       checks the proof
 *                                               <-       [<proof>, <map>]
 *     checks the proof
 *
 * A proof is HMAC-SHA-256 under the cookie over the prover's role, both names and both nonces. So the cookie never
 * crosses the wire, a proof is worth nothing in another exchange (each side adds a nonce of its own), and one side's
 * proof cannot be sent back as the other's (the role differs). The initiator proves first: somebody who merely
 * connects learns nothing that was made with the cookie.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export const HANDSHAKE_VERSION = '1';
export const NONCE_BYTES = 32;

export interface Exchange {
  /** Name and nonce of the side that connected. */
  initiator: string;
  initiatorNonce: string;
  acceptor: string;
  acceptorNonce: string;
}

/** 32 random bytes in hex. */
export function newNonce(): string {
  return randomBytes(NONCE_BYTES).toString('hex');
}

export function isNonce(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** What `role` shows to prove that it has the cookie; hex. */
export function proofOf(role: 'initiator' | 'acceptor', exchange: Exchange, cookie: string): string {
  const { initiator, initiatorNonce, acceptor, acceptorNonce } = exchange;
  // As JSON, so that no two exchanges are written alike.
  const text = JSON.stringify(['pigeonhole peer', HANDSHAKE_VERSION, role, initiator, initiatorNonce, acceptor, acceptorNonce]);
  return createHmac('sha256', cookie).update(text).digest('hex');
}

/** Whether `proof` is the one that `role` must show. Takes the same time for every wrong proof. */
export function isProof(proof: string, role: 'initiator' | 'acceptor', exchange: Exchange, cookie: string): boolean {
  const expected = Buffer.from(proofOf(role, exchange, cookie));
  const given = Buffer.from(proof);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
