/** All families of commands. A new family is added here and nowhere else. */
import type { CommandSpec } from './spec.js';
import { clientCommands } from './client.js';
import { bucketCommands } from './bucket.js';
import { commandCommands } from './command.js';
import { connectionCommands } from './connection.js';
import { hashCounterCommands } from './hash-counters.js';
import { hashWalkCommands } from './hash-walk.js';
import { hashCommands } from './hash.js';
import { infoCommands } from './info.js';
import { keyspaceCommands } from './keyspace.js';
import { latencyCommands } from './latency.js';
import { monitorCommands } from './monitor.js';
import { slowlogCommands } from './slowlog.js';
import { stringCounterCommands } from './string-counters.js';
import { lcsCommands } from './string-lcs.js';
import { stringRangeCommands } from './string-range.js';
import { stringCommands } from './string.js';

export const families: readonly (readonly CommandSpec[])[] = [
  clientCommands,
  commandCommands,
  connectionCommands,
  hashCounterCommands,
  hashWalkCommands,
  hashCommands,
  bucketCommands,
  keyspaceCommands,
  stringCommands,
  stringCounterCommands,
  lcsCommands,
  stringRangeCommands,
  infoCommands,
  latencyCommands,
  monitorCommands,
  slowlogCommands,
];
