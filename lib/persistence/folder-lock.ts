/**
 * The lock of a data folder: a file that says which process uses it, so that no second one does. The lock of a process
 * that is gone is taken over, after a crash without anybody's help. Two nodes of one process are kept apart too.
 *
 * A process is told from a later one with the same number by when it began, where the system tells that (Linux).
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from './system-error.js';
import { FolderInUse } from '../errors.js';
import { isAlive } from '../util/is-alive.js';

export const LOCK_NAME = 'pigeonhole.lock';
/** Who takes over a stale lock looks again after this time whether somebody else did so at the same moment. */
const SECOND_LOOK_MS = 50;

/** Locks that nodes of this process hold. */
const held = new Set<string>();

export class FolderLock {
  private isReleased = false;

  private constructor(
    private readonly path: string,
    private readonly text: string,
  ) {}

  /** Throws FolderInUse when somebody holds the folder now. */
  static check(folder: string): void {
    const path = join(folder, LOCK_NAME);
    const own = ownText();
    if (held.has(path)) throw inUse(folder, own);
    const holder = readLock(path);
    if (holder !== undefined && holder !== own && isHeld(holder)) throw inUse(folder, holder);
  }

  /** Takes the lock of a folder, which is there. Rejects with FolderInUse, and with the system's errors. */
  static async take(folder: string): Promise<FolderLock> {
    const path = join(folder, LOCK_NAME);
    const own = ownText();
    FolderLock.check(folder);
    // From here on two nodes of this process cannot both be at it.
    held.add(path);
    try {
      await takeFile(folder, path, own);
    } catch (error) {
      held.delete(path);
      throw error;
    }
    return new FolderLock(path, own);
  }

  /** The lock has not been removed, with its folder or without. */
  get isInPlace(): boolean {
    return !this.isReleased && readLock(this.path) === this.text;
  }

  /** What cannot be removed, from a disk that takes nothing any more, is taken over when this process is gone. */
  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    held.delete(this.path);
    try {
      if (readLock(this.path) === this.text) rmSync(this.path, { force: true });
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
    }
  }
}

function ownText(): string {
  return `${process.pid} ${beginningOf(process.pid)}`;
}

async function takeFile(folder: string, path: string, own: string): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  try {
    writeFileSync(temporary, `${own}\n`);
    if (isLinked(temporary, path)) return;
    const holder = readLock(path);
    if (holder !== undefined && holder !== own && isHeld(holder)) throw inUse(folder, holder);
    renameSync(temporary, path);
    await delay(SECOND_LOOK_MS);
    const now = readLock(path);
    if (now !== own) throw inUse(folder, now ?? '');
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Gives a file a second name, unless that is taken. */
function isLinked(file: string, name: string): boolean {
  try {
    linkSync(file, name);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** What the lock says; undefined when it is not there or says nothing. */
function readLock(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isHeld(holder: string): boolean {
  const [pid, beginning] = holder.split(' ');
  if (!isAlive(Number(pid))) return false;
  const now = beginningOf(Number(pid));
  return now === '' || beginning === undefined || now === beginning;
}

/** When a process began, in ticks since the system did, with the system's boot; empty where nobody says so. */
function beginningOf(pid: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may hold anything.
    return `${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}@${boot}`;
  } catch {
    return '';
  }
}

function inUse(folder: string, holder: string): FolderInUse {
  const pid = holder.split(' ')[0] ?? '';
  return new FolderInUse(
    `the folder ${folder} is used by process ${pid}: stop that, or give this node another folder with --dir ` +
      `(${join(folder, LOCK_NAME)} says so; remove it if that process is none of ours)`,
  );
}
