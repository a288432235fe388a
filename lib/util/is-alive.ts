/** Whether a process is still there: for pid files and for the locks of folders. */
import { readFileSync } from 'node:fs';

/** Whether there is such a process, of whatever user. One that has ended counts as gone before its parent knows it. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Whether a process has ended and only waits for its parent to ask how. Known on Linux; false elsewhere. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The state follows the name, which is in brackets and may have some in it.
    return stat.charAt(stat.lastIndexOf(')') + 2) === 'Z';
  } catch {
    return false;
  }
}
