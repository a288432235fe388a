/**
 * The files that persistence works on, behind a small interface: a test hands in a double that fails, writes less than
 * it was given, and loses what was not synced. Everything here runs in Node's thread pool, never in the event loop.
 */
import { constants, existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { FolderLock } from './folder-lock.js';
import { codeOf } from './system-error.js';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';

/** An open file. Positions are bytes from its start; errors are the system's, with their `code`. */
export interface DataFile {
  /** Writes the pieces one after the other, and gives how many bytes were written: fewer than there are, at times. */
  write(pieces: readonly Buffer[], position: number): Promise<number>;
  /** As `write`, and what is written is on the disk when it returns: one wait instead of two. */
  writeThrough(pieces: readonly Buffer[], position: number): Promise<number>;
  /** Fills `into` from its start, and gives how many bytes there were. */
  read(into: Buffer, position: number): Promise<number>;
  /** Returns when what has been written is on the disk. */
  sync(): Promise<void>;
  /** Cuts the file off. */
  truncate(length: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/**
 * How a file is opened: to be read; to be written, made when it is missing, and kept as it is when not; or made anew,
 * empty.
 */
export type OpenMode = 'read' | 'write' | 'create';

export interface FileSystem {
  open(path: string, mode: OpenMode): Promise<DataFile>;
  /** Puts a file in the place of another, at once. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or nothing when it is not there. */
  remove(path: string): Promise<void>;
  /** Names of what is in a folder; none when there is no folder. */
  list(folder: string): Promise<string[]>;
  /** Makes a folder and those above it, where they are missing; returns when their names are on the disk. */
  makeFolder(path: string): Promise<void>;
  /** Returns when the names in a folder are on the disk. */
  syncFolder(path: string): Promise<void>;
  /** Keeps other processes off a folder, which is there. Rejects with FolderInUse. */
  lock(folder: string): Promise<Lock>;
  /** Throws FolderInUse when somebody holds a folder now. */
  checkLock(folder: string): void;
  /** What tells this file from another that took its name; undefined when there is none. */
  identityOf(path: string): Promise<string | undefined>;
}

export interface Lock {
  /** It is still there: whoever removes the folder removes the lock. */
  readonly isInPlace: boolean;
  release(): void;
}

/** Makes a folder with those above it, and gives the highest that was made, if any. */
async function makeFolders(path: string): Promise<string | undefined> {
  try {
    return await mkdir(path, { recursive: true });
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    // So says Node where the disk is read-only; what the system says is told.
    let missing = resolve(path);
    while (!existsSync(dirname(missing))) missing = dirname(missing);
    await mkdir(missing);
    await mkdir(path, { recursive: true });
    return missing;
  }
}

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR | constants.O_CREAT,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
};

class SystemFile implements DataFile {
  /** The same file, opened so that each write is synced. */
  private through: FileHandle | undefined;

  constructor(
    private readonly handle: FileHandle,
    private readonly path: string,
  ) {}

  write(pieces: readonly Buffer[], position: number): Promise<number> {
    return writeAt(this.handle, pieces, position);
  }

  async writeThrough(pieces: readonly Buffer[], position: number): Promise<number> {
    this.through ??= await open(this.path, constants.O_WRONLY | constants.O_DSYNC);
    return writeAt(this.through, pieces, position);
  }

  async read(into: Buffer, position: number): Promise<number> {
    return (await this.handle.read(into, 0, into.length, position)).bytesRead;
  }

  sync(): Promise<void> {
    return this.handle.datasync();
  }

  truncate(length: number): Promise<void> {
    return this.handle.truncate(length);
  }

  async size(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  async close(): Promise<void> {
    await this.through?.close();
    await this.handle.close();
  }
}

async function writeAt(handle: FileHandle, pieces: readonly Buffer[], position: number): Promise<number> {
  if (pieces.length > 1) return (await handle.writev(pieces as Buffer[], position)).bytesWritten;
  const piece = pieces[0]!;
  return (await handle.write(piece, 0, piece.length, position)).bytesWritten;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export const systemFiles: FileSystem = {
  open: async (path, mode) => new SystemFile(await open(path, FLAGS[mode], 0o644), path),
  rename,
  remove: (path) => rm(path, { force: true }),
  list: async (folder) => {
    try {
      return await readdir(folder);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  },
  makeFolder: async (path) => {
    const first = await makeFolders(path);
    if (first === undefined) return;
    const highest = dirname(resolve(first));
    for (let above = dirname(resolve(path)); above.length >= highest.length; above = dirname(above)) {
      await syncFolder(above);
      if (above === highest) return;
    }
  },
  syncFolder,
  lock: (folder) => FolderLock.take(folder),
  checkLock: (folder) => FolderLock.check(folder),
  identityOf: async (path) => {
    try {
      const { dev, ino } = await stat(path);
      return `${dev}:${ino}`;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  },
};

