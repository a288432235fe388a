/** Settings that the store follows. The store itself knows no settings: whoever builds a node connects the two here. */
import type { Settings } from '../config/settings.js';
import type { Store } from '../store/store.js';

/** Brings the settings into the store, now and whenever they change. */
export function followSettings({ access, encodingLimits }: Store, settings: Settings): void {
  const follow = (name: string, take: (value: number) => void): void =>
    settings.watch(name, () => take(settings.integer(name)));
  follow('hash-max-listpack-entries', (value) => (encodingLimits.hashEntriesMax = value));
  follow('hash-max-listpack-value', (value) => (encodingLimits.hashValueBytesMax = value));
  follow('list-max-listpack-size', (value) => encodingLimits.setListPage(value));
  follow('set-max-intset-entries', (value) => (encodingLimits.setIntegersMax = value));
  follow('zset-max-listpack-entries', (value) => (encodingLimits.sortedSetEntriesMax = value));
  follow('zset-max-listpack-value', (value) => (encodingLimits.sortedSetMemberBytesMax = value));
  follow('hll-sparse-max-bytes', (value) => (encodingLimits.hyperLogLogSparseBytesMax = value));
  follow('stream-node-max-bytes', (value) => (encodingLimits.streamNodeBytesMax = value));
  follow('stream-node-max-entries', (value) => (encodingLimits.streamNodeEntriesMax = value));
  follow('lfu-log-factor', (value) => (access.logFactor = value));
  follow('lfu-decay-time', (value) => (access.decayMinutes = value));
  settings.watch('maxmemory-policy', () => {
    access.isByFrequency = settings.text('maxmemory-policy').endsWith('-lfu');
  });
}
