/** The handshake's proofs: they hold for one exchange, one role and one cookie, and for nothing else. */
import test from 'ava';
import { type Exchange, isNonce, isProof, newNonce, proofOf } from '../../lib/cluster/handshake.js';

const exchange: Exchange = {
  initiator: 'foo', initiatorNonce: newNonce(), acceptor: 'bar', acceptorNonce: newNonce(),
};

test('a proof holds under the same cookie, for the same role and exchange', (t) => {
  t.true(isProof(proofOf('initiator', exchange, 'oatmeal'), 'initiator', exchange, 'oatmeal'));
  t.true(isProof(proofOf('acceptor', exchange, 'oatmeal'), 'acceptor', exchange, 'oatmeal'));
});

for (const [what, changed] of [
  ["the initiator's nonce", { initiatorNonce: newNonce() }],
  ["the acceptor's nonce", { acceptorNonce: newNonce() }],
  ["the initiator's name", { initiator: 'baz' }],
  ["the acceptor's name", { acceptor: 'baz' }],
  ['swapped names', { initiator: 'bar', acceptor: 'foo' }],
] as const) {
  test(`a proof does not hold with ${what} changed`, (t) => {
    const proof = proofOf('initiator', exchange, 'oatmeal');
    t.false(isProof(proof, 'initiator', { ...exchange, ...changed }, 'oatmeal'));
  });
}

test("a proof does not hold under another cookie, as the other's, cut short or with more behind it", (t) => {
  const proof = proofOf('initiator', exchange, 'oatmeal');
  t.false(isProof(proof, 'initiator', exchange, 'muesli'));
  t.false(isProof(proof, 'acceptor', exchange, 'oatmeal'));
  t.false(isProof(proof.slice(1), 'initiator', exchange, 'oatmeal'));
  t.false(isProof(`${proof}0`, 'initiator', exchange, 'oatmeal'));
  t.false(isProof('', 'initiator', exchange, 'oatmeal'));
});

test('a nonce is 64 hex digits, and none comes twice', (t) => {
  t.true(isNonce(newNonce()));
  t.not(newNonce(), newNonce());
  t.false(isNonce('00'));
});
