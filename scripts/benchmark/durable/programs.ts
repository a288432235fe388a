/** The servers that are measured, with their data on disk: in `dir`, which is the folder that they are started in. */
import { type Program, script } from '../servers.js';

export type Policy = 'everysec' | 'always';

/** Both keep an append log. It is rewritten, and snapshots are written, only when they are asked to. */
export function durablePrograms(policy: Policy, ...flags: string[]): readonly [theirs: Program, ours: Program] {
  const kept = [
    '--dir', '.', '--save', '', '--appendonly', 'yes', '--appendfsync', policy, '--auto-aof-rewrite-percentage', '0',
    ...flags,
  ];
  return [
    { name: 'redis-server', command: (port) => ['redis-server', '--port', String(port), ...kept] },
    { name: 'pigeonhole', command: (port) => [script, 'start', '--port', String(port), '--line-port', '0', ...kept] },
  ];
}
