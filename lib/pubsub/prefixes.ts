/**
 * The prefixes of clients in BCAST mode, and the keys under them that have changed in this turn of the event loop. A
 * client is told once for each of its prefixes, however often keys have changed.
 */
import type { TrackingClient } from './tracking.js';

interface Prefix {
  clients: Set<TrackingClient>;
  /** The keys that have changed, each with the id of the client that changed it last. */
  changed: Map<string, number>;
}

export class Prefixes {
  /** Called when keys have changed and the clients are to be told at the end of the turn. */
  onDue: () => void = () => undefined;
  /** Called when a prefix has more or fewer clients than before. */
  onCount: ((prefix: string, count: number) => void) | undefined;
  private readonly byText = new Map<string, Prefix>();
  private isDue = false;

  get size(): number {
    return this.byText.size;
  }

  /** Every prefix with the number of its clients. */
  *counts(): Iterable<readonly [prefix: string, count: number]> {
    for (const [text, { clients }] of this.byText) yield [text, clients.size];
  }

  add(text: string, client: TrackingClient): void {
    let prefix = this.byText.get(text);
    if (prefix === undefined) this.byText.set(text, (prefix = { clients: new Set(), changed: new Map() }));
    prefix.clients.add(client);
    this.onCount?.(text, prefix.clients.size);
  }

  remove(text: string, client: TrackingClient): void {
    const prefix = this.byText.get(text);
    if (prefix?.clients.delete(client) !== true) return;
    if (prefix.clients.size === 0) this.byText.delete(text);
    this.onCount?.(text, prefix.clients.size);
  }

  changed(key: string, author: number): void {
    for (const [text, { changed }] of this.byText) {
      if (!key.startsWith(text)) continue;
      changed.set(key, author);
      if (this.isDue) continue;
      this.isDue = true;
      this.onDue();
    }
  }

  /** For each prefix and each of its clients the keys that it is to be told of, in order of their bytes. */
  takeDue(): [client: TrackingClient, keys: string[]][] {
    this.isDue = false;
    const due: [TrackingClient, string[]][] = [];
    for (const prefix of this.byText.values()) {
      if (prefix.changed.size === 0) continue;
      const keys = [...prefix.changed.keys()].sort();
      for (const client of prefix.clients) {
        const isLoopless = client.tracking?.isLoopless === true;
        const told = isLoopless ? keys.filter((key) => prefix.changed.get(key) !== client.id) : keys;
        if (told.length > 0) due.push([client, told]);
      }
      prefix.changed.clear();
    }
    return due;
  }
}
