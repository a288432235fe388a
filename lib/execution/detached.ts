/** The end of a session that has no connection: what runs the log at the start of a node, where nobody gets replies. */
import type { Transport } from './session.js';

/** Only a connection can wait, be sent to or be closed. */
function none(): never {
  throw new Error('a session without a connection was used as one with');
}

export const detached: Transport = {
  address: '',
  localAddress: '',
  fileDescriptor: -1,
  isHeld: false,
  isOwed: false,
  recordedAt: 0,
  pendingBytes: () => 0,
  spareBytes: () => 0,
  unreadBytes: () => 0,
  defer: none,
  postpone: none,
  postponeBehindOwed: none,
  push: none,
  closeAfterReply: none,
  destroy: none,
};
