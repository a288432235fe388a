/**
 * A node in a process of its own that watches itself: how much CPU time its thread takes between two looks at its
 * timers, at most, and how its memory grows. Says its port when it runs, and the figures when it is asked. See
 * scripts/pauses.ts.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Settings } from '../../lib/config/settings.js';
import { Node } from '../../lib/server.js';
import { silentLog } from '../../lib/util/log.js';

/** CPU time of this process's first thread, which runs everything but the collector's helpers, in milliseconds. */
function threadMs(): number {
  return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ', 1)[0]) / 1e6;
}

let longestMs = 0;
let lastMs = threadMs();
setInterval(() => {
  const nowMs = threadMs();
  longestMs = Math.max(longestMs, nowMs - lastMs);
  lastMs = nowMs;
}, 1);

let rssBytes = process.memoryUsage.rss();
let mostBytes = rssBytes;
setInterval(() => (mostBytes = Math.max(mostBytes, process.memoryUsage.rss())), 50);

const dir = mkdtempSync(join(tmpdir(), 'pigeonhole-pauses-'));
process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
const given = { port: 'any', 'line-port': '0', bind: '127.0.0.1', appendonly: 'no', dir };
const node = new Node({ settings: new Settings(given), log: silentLog });
await node.start();
process.on('message', () => {
  process.send!({ longestMs, moreBytes: mostBytes - rssBytes });
  longestMs = 0;
  rssBytes = mostBytes = process.memoryUsage.rss();
});
process.once('disconnect', () => process.exit(0));
process.send!(node.port);
