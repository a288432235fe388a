/**
 * A pinger: sends a PING every millisecond over a connection of its own, in a process of its own. Given the port. Says
 * `ready`, and what it has found each time that it is asked.
 *
 * It looks at itself too: how late its timer was at most. So much of what it measures may be its own waiting.
 */
import { once } from 'node:events';
import { connect } from 'node:net';

export interface Pings {
  longestMs: number;
  /** All but one in a thousand took no longer. */
  mostMs: number;
  /** How late the pinger itself was, at most. */
  lateMs: number;
  count: number;
}

const PERIOD_MS = 1;
const PING = Buffer.from('*1\r\n$4\r\nPING\r\n');
const PONG_BYTES = 7;
/** Times are counted in steps of 10 us up to here. */
const STEP_MS = 0.01;
const STEPS = 1_000_000;

const counts = new Uint32Array(STEPS);
let longestMs = 0;
let lateMs = 0;
let count = 0;
let sentAtMs = 0;
let dueAtMs = 0;
let owed = 0;

const buffer = Buffer.alloc(1024);
const socket = connect({
  port: Number(process.argv[2]), host: '127.0.0.1', noDelay: true,
  onread: {
    buffer,
    callback: (length) => {
      owed -= length;
      if (owed === 0) onPong();
      return true;
    },
  },
});
await once(socket, 'connect');

function onPong(): void {
  const ms = performance.now() - sentAtMs;
  longestMs = Math.max(longestMs, ms);
  counts[Math.min(Math.floor(ms / STEP_MS), STEPS - 1)]!++;
  count++;
  dueAtMs = performance.now() + PERIOD_MS;
  setTimeout(send, PERIOD_MS);
}

function send(): void {
  sentAtMs = performance.now();
  // A timer of 1 ms has whole milliseconds: it may be one late by its nature.
  lateMs = Math.max(lateMs, sentAtMs - dueAtMs);
  owed = PONG_BYTES;
  socket.write(PING);
}

function most(): number {
  let left = Math.ceil(count / 1000);
  for (let step = STEPS - 1; step >= 0; step--) {
    left -= counts[step]!;
    if (left <= 0) return (step + 1) * STEP_MS;
  }
  return 0;
}

process.on('message', () => {
  const pings: Pings = { longestMs, mostMs: count === 0 ? 0 : most(), lateMs, count };
  longestMs = lateMs = count = 0;
  counts.fill(0);
  process.send!(pings);
});
process.once('disconnect', () => process.exit());
dueAtMs = performance.now();
send();
process.send!('ready');
