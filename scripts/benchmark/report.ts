/** What the benches have in common to say: the machine, who else works on it, and medians. */
import { cpus, loadavg } from 'node:os';
import { installedReference } from '../../test/support/reference.js';

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/** The day, the machine and the versions, in one line. */
export function machine(): string {
  const [cpu] = cpus();
  const reference = `redis-server ${installedReference() ?? '(none)'}`;
  const day = new Date().toISOString().slice(0, 10);
  return `${day}, ${cpus().length} cores of ${cpu?.model ?? 'an unknown processor'}, Node ${process.version}, ${reference}.`;
}

/** Warns, on standard error, when others are at work on this machine. */
export function warnOfOthers(): void {
  const [busy = 0] = loadavg();
  if (busy > 0.5) console.error(`Others are at work here (load ${busy.toFixed(1)}): the figures will not hold.`);
}
