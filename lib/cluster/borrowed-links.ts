/**
 * The links that one waiting request has for itself: one to each peer that it waits at (far-wait.ts, far-read.ts). They
 * are borrowed from the peers, because what waits on a link holds up whatever is behind it, and go back when the wait
 * is over.
 *
 * A link goes back as one that can be used again when nothing is on its way over it and its peer holds nothing still
 * for this request; otherwise the peer closes it, which ends there what it stands for.
 */
import type { PeerLink } from './peer-link.js';
import type { Peer } from './peer.js';
import type { Session } from '../execution/session.js';

export class BorrowedLinks {
  private readonly links = new Map<Peer, PeerLink>();
  /** Peers where others stand still until this request has asked. */
  private readonly held = new Set<Peer>();

  constructor(private readonly session: Session) {}

  /** The link to a peer. Throws for a peer that is down. */
  to(peer: Peer): PeerLink {
    let link = this.links.get(peer);
    if (link === undefined) {
      link = peer.borrow(this.session.db.index, this.session.protocol, true);
      this.links.set(peer, link);
      link.prepare();
    }
    return link;
  }

  /** The peer says that something is ready, and keeps it for this request. */
  hold(peer: Peer): void {
    this.held.add(peer);
  }

  /** The peer is asked for what it keeps. */
  release(peer: Peer): void {
    this.held.delete(peer);
  }

  giveBack(): void {
    const lent = [...this.links];
    this.links.clear();
    for (const [peer, link] of lent) peer.giveBack(link, link.inFlight === 0 && !this.held.has(peer));
  }
}
