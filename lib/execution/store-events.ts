/**
 * What the store does of itself becomes known here: buckets that it removes because their time has come, buckets that
 * are new, and look-ups that found nothing. What commands change becomes known in `Session.changed`.
 */
import type { Watches } from './watches.js';
import type { Settings } from '../config/settings.js';
import type { KeyspaceEvents } from '../pubsub/keyspace-events.js';
import type { Tracking } from '../pubsub/tracking.js';
import type { Keyspace } from '../store/keyspace.js';
import type { RemovalReason, Store } from '../store/store.js';
import type { Slice } from '../util/bytes.js';

/** The class of events for each reason; the reason is the event's name. */
const CLASSES = { expired: 'x', evicted: 'e' } as const satisfies Record<RemovalReason, string>;

/** Has what the store does of itself published, and told to watchers and to clients that keep copies. */
export function followStoreEvents(
  store: Store, events: KeyspaceEvents, tracking: Tracking, watches: Watches, settings: Settings,
): void {
  store.onRemoved = (db, key, reason) => {
    if (watches.count > 0) watches.touch(db, key);
    if (events.isOn) events.publish(db.index, key, CLASSES[reason], reason);
    if (tracking.isOn) tracking.changed(key, undefined);
  };
  store.onFieldsExpired = (db, key, isGone) => {
    if (watches.count > 0) watches.touch(db, key);
    if (events.isOn) events.publish(db.index, key, 'h', 'hexpired');
    if (events.isOn && isGone) events.publish(db.index, key, 'g', 'del');
    if (tracking.isOn) tracking.changed(key, undefined);
  };
  store.onMissed = (db, key) => {
    if (events.isOn) events.publish(db.index, key, 'm', 'keymiss');
  };
  // Most buckets are made while nobody wants to know: then it is not even called.
  const onAdded = (db: Keyspace, key: Slice): void => events.publish(db.index, key, 'n', 'new');
  settings.watch('notify-keyspace-events', () => store.followAdded(onAdded, events.publishes('n')));
}
