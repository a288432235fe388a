/**
 * A node in a process of its own, for tests that may bring it down: settings as JSON in the first argument, the port on
 * standard output. It ends with its parent, when standard input does.
 */
import { startNode } from './targets.js';

const node = await startNode(JSON.parse(process.argv[2] ?? '{}') as Record<string, string>);
console.log(node.port);
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
