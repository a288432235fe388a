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
import { genericCommands } from './generic.js';
import { genericExpireCommands } from './generic-expire.js';
import { genericMoveCommands } from './generic-move.js';
import { genericScanCommands } from './generic-scan.js';
import { hashCommands } from './hash.js';
import { hashCounterCommands } from './hash-counters.js';
import { hashWalkCommands } from './hash-walk.js';
import { infoCommands } from './info.js';
import { keyspaceCommands } from './keyspace.js';
import { latencyCommands } from './latency.js';
import { memoryCommands } from './memory.js';
import { monitorCommands } from './monitor.js';
import { objectCommands } from './object.js';
import { serverCommands } from './server.js';
import { shardCommands } from './shard.js';
import { slowlogCommands } from './slowlog.js';
import { stringCommands } from './string.js';
import { stringCounterCommands } from './string-counters.js';
import { lcsCommands } from './string-lcs.js';
import { stringRangeCommands } from './string-range.js';
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
  genericCommands,
  genericExpireCommands,
  genericMoveCommands,
  genericScanCommands,
  hashCommands,
  hashCounterCommands,
  hashWalkCommands,
  infoCommands,
  keyspaceCommands,
  latencyCommands,
  memoryCommands,
  monitorCommands,
  objectCommands,
  serverCommands,
  shardCommands,
  slowlogCommands,
  stringCommands,
  stringCounterCommands,
  lcsCommands,
  stringRangeCommands,
  waitCommands,
];
