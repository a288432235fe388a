/**
 * The graph of LATENCY GRAPH: columns of characters whose height is the latency, each with its age written downwards
 * below it. Follows redis-server's sparkline, filled, four rows high.
 */
import type { LatencySample } from './latency.js';

const ROWS = 4;
const COLUMNS = 80;
/** From low to high within one row; above it the column is filled with bars. */
const HEIGHTS = '_o#';

/** The graph of some samples, oldest first, as lines of text. `nowSeconds` is what ages are counted from. */
export function latencyGraph(
  event: string, samples: readonly LatencySample[], allTimeMaxMs: number, nowSeconds: number,
): string {
  const latencies = samples.map((sample) => sample.latencyMs);
  const high = Math.max(...latencies);
  const low = Math.min(...latencies);
  let text = `${event} - high ${high} ms, low ${low} ms (all time high ${allTimeMaxMs} ms)\n${'-'.repeat(COLUMNS)}\n`;
  for (let from = 0; from < samples.length; from += COLUMNS) {
    if (from > 0) text += '\n';
    const part = samples.slice(from, from + COLUMNS);
    text += columns(part, low, high);
    text += labels(part.map((sample) => age(nowSeconds - sample.atSeconds)));
  }
  return text;
}

function columns(samples: readonly LatencySample[], low: number, high: number): string {
  const steps = ROWS * HEIGHTS.length;
  const span = high - low || 1;
  let text = '';
  for (let row = ROWS - 1; row >= 0; row--) {
    for (const { latencyMs } of samples) {
      const step = Math.min(steps - 1, Math.floor(((latencyMs - low) * steps) / span)) - row * HEIGHTS.length;
      text += step < 0 ? ' ' : (HEIGHTS.charAt(step) || '|');
    }
    text += '\n';
  }
  return text;
}

/** The labels from top to bottom, under an empty line. */
function labels(texts: readonly string[]): string {
  const height = Math.max(...texts.map((text) => text.length));
  let written = `${' '.repeat(texts.length)}\n`;
  for (let row = 0; row < height; row++) written += `${texts.map((text) => text[row] ?? ' ').join('')}\n`;
  return written;
}

function age(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}
