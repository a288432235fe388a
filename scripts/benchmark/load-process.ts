/** Runs one load, given as JSON with its port, in a process of its own, so that a pinger beside it is not held up. */
import { type Load, run } from './load.js';

const [load, port] = JSON.parse(process.argv[2]!) as [Load, number];
await run(load, port);
