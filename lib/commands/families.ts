/** All families of commands. A new family is added here and nowhere else. */
import type { CommandSpec } from './spec.js';
import { bitfieldCommands } from './bitfield.js';
import { bitmapCommands } from './bitmap.js';
import { bucketCommands } from './bucket.js';
import { clientCommands } from './client.js';
import { commandCommands } from './command.js';
import { configCommands } from './config.js';
import { connectionCommands } from './connection.js';
import { debugCommands } from './debug.js';
import { dumpCommands } from './dump.js';
import { genericExpireCommands } from './generic-expire.js';
import { genericMoveCommands } from './generic-move.js';
import { genericScanCommands } from './generic-scan.js';
import { genericCommands } from './generic.js';
import { hashCounterCommands } from './hash-counters.js';
import { hashExpireCommands } from './hash-expire.js';
import { hashWalkCommands } from './hash-walk.js';
import { hashWithExpiryCommands } from './hash-with-expiry.js';
import { hashCommands } from './hash.js';
import { geoSearchCommands } from './geo-search.js';
import { geoCommands } from './geo.js';
import { hyperLogLogDebugCommands } from './hyperloglog-debug.js';
import { hyperLogLogCommands } from './hyperloglog.js';
import { infoCommands } from './info.js';
import { keyspaceCommands } from './keyspace.js';
import { latencyCommands } from './latency.js';
import { listBlockingCommands } from './list-blocking.js';
import { listMoveCommands } from './list-move.js';
import { listPositionCommands } from './list-position.js';
import { listCommands } from './list.js';
import { memoryCommands } from './memory.js';
import { migrateCommands } from './migrate.js';
import { monitorCommands } from './monitor.js';
import { objectCommands } from './object.js';
import { pubsubCommands } from './pubsub.js';
import { saveCommands } from './save.js';
import { rewriteCommands } from './rewrite.js';
import { serverCommands } from './server.js';
import { setAlgebraCommands } from './set-algebra.js';
import { setWalkCommands } from './set-walk.js';
import { setCommands } from './set.js';
import { shardCommands } from './shard.js';
import { slowlogCommands } from './slowlog.js';
import { sortedSetBlockingCommands } from './sorted-set-blocking.js';
import { sortCommands } from './sort.js';
import { sortedSetCombineCommands } from './sorted-set-combine.js';
import { sortedSetPopCommands } from './sorted-set-pop.js';
import { sortedSetRangeCommands } from './sorted-set-range.js';
import { sortedSetWalkCommands } from './sorted-set-walk.js';
import { sortedSetCommands } from './sorted-set.js';
import { streamGroupCommands } from './stream-group.js';
import { streamInfoCommands } from './stream-info.js';
import { streamPendingCommands } from './stream-pending.js';
import { streamReadCommands } from './stream-read.js';
import { streamCommands } from './stream.js';
import { stringCounterCommands } from './string-counters.js';
import { lcsCommands } from './string-lcs.js';
import { stringRangeCommands } from './string-range.js';
import { stringCommands } from './string.js';
import { transactionCommands } from './transactions.js';
import { waitCommands } from './wait.js';

export const families: readonly (readonly CommandSpec[])[] = [
  bitfieldCommands,
  bitmapCommands,
  bucketCommands,
  clientCommands,
  commandCommands,
  configCommands,
  connectionCommands,
  debugCommands,
  dumpCommands,
  genericExpireCommands,
  genericMoveCommands,
  genericScanCommands,
  genericCommands,
  hashCounterCommands,
  hashExpireCommands,
  hashWalkCommands,
  hashWithExpiryCommands,
  hashCommands,
  geoSearchCommands,
  geoCommands,
  hyperLogLogDebugCommands,
  hyperLogLogCommands,
  infoCommands,
  keyspaceCommands,
  latencyCommands,
  listBlockingCommands,
  listMoveCommands,
  listPositionCommands,
  listCommands,
  memoryCommands,
  migrateCommands,
  monitorCommands,
  objectCommands,
  pubsubCommands,
  saveCommands,
  rewriteCommands,
  serverCommands,
  setAlgebraCommands,
  setWalkCommands,
  setCommands,
  shardCommands,
  slowlogCommands,
  sortedSetBlockingCommands,
  sortCommands,
  sortedSetCombineCommands,
  sortedSetPopCommands,
  sortedSetRangeCommands,
  sortedSetWalkCommands,
  sortedSetCommands,
  streamGroupCommands,
  streamInfoCommands,
  streamPendingCommands,
  streamReadCommands,
  streamCommands,
  stringCounterCommands,
  lcsCommands,
  stringRangeCommands,
  stringCommands,
  transactionCommands,
  waitCommands,
];
