/** What commands may know and ask of the append log; see persistence/persistence.ts. */
import type { RunningSnapshot } from './context.js';

/** What INFO shows while data is loaded from the disk. */
export interface LoadingState {
  readonly totalBytes: number;
  readonly loadedBytes: number;
  readonly startedAtMs: number;
  /** The memory that the data took where the snapshot was made; 0 when that is not known. */
  readonly usedMemory: number;
}

export interface AppendLogServices {
  readonly isOn: boolean;
  /** The log is being switched on, since the setting was changed last: rejects when it cannot be. */
  readonly switchingOn: Promise<void> | undefined;
  readonly isRewriting: boolean;
  /** It is rewritten as soon as no snapshot is being written. */
  readonly isRewriteScheduled: boolean;
  /** The base that is being written. */
  readonly snapshot: RunningSnapshot | undefined;
  /** The most bytes that waited for the disk while the last base was written. */
  readonly lastWaitingBytes: number;
  /** How long the last rewrite took, and how long the one that is under way has; -1 when there is none. */
  readonly lastRewriteSeconds: number;
  readonly currentRewriteSeconds: number;
  readonly lastRewriteStatus: 'ok' | 'err';
  readonly rewrites: number;
  readonly failedRewrites: number;
  readonly lastWriteStatus: 'ok' | 'err';
  /** Bytes of the log, and of what it was when it was rewritten or loaded last. */
  readonly currentBytes: number;
  readonly baseBytes: number;
  /** Bytes that wait to be written. */
  readonly bufferedBytes: number;
  readonly isSyncing: boolean;
  /** How often writers had to wait for the disk. */
  readonly delays: number;
  /** What is being loaded; undefined when nothing is. */
  readonly loading: LoadingState | undefined;
  /** Rewrites the log in the background, as soon as no snapshot is being written. There is no rewrite under way. */
  rewrite(): void;
  /** Loads everything anew from the disk, for DEBUG LOADAOF. Rejects when that is not possible. */
  reload(): Promise<void>;
}
