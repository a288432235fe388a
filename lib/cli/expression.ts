/** What `rpc` and `eval` print of an expression. */
import type { Outcome } from '../control/scope.js';

/** Prints the value on standard output, nothing for undefined; an error on standard error, and the exit code is 1. */
export function printOutcome({ kind, text }: Outcome): void {
  if (kind === 'value') process.stdout.write(`${text}\n`);
  if (kind !== 'error' && kind !== 'incomplete') return;
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}

export function showing(): { isColoured: boolean; columns: number } {
  const isColoured = process.stdout.isTTY && process.env.NO_COLOR === undefined;
  return { isColoured, columns: process.stdout.isTTY && process.stdout.columns > 0 ? process.stdout.columns : 80 };
}
