/** `pigeonhole rpc EXPRESSION`: evaluates an expression in the running node and prints its value. */
import { printOutcome, showing } from './expression.js';
import { asking } from './reach.js';
import type { Outcome } from '../control/scope.js';

export const rpc = asking('rpc <expression>', 'Evaluate an expression in the running node and print its value',
  async (client, flags) => {
    const { isColoured, columns } = showing();
    const request = ['CONTROL', 'EVALUATE', String(flags.expression), String(columns), isColoured ? '1' : '0'];
    const [kind, text, ...printed] = (await client.ask(...request)) as [Outcome['kind'], string, ...string[]];
    for (let i = 0; i < printed.length; i += 2) {
      (printed[i] === 'stderr' ? process.stderr : process.stdout).write(printed[i + 1]!);
    }
    printOutcome({ kind, text });
  });
