/** What commands may know and ask of the append log; see persistence/persistence.ts. */

export interface AppendLogServices {
  readonly isOn: boolean;
  readonly isRewriting: boolean;
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
  readonly loading: { totalBytes: number; loadedBytes: number; startedAtMs: number } | undefined;
  /** Begins to rewrite the log, in the background. There is no rewrite under way. */
  rewrite(): void;
  /** Loads everything anew from the disk, for DEBUG LOADAOF. Rejects when that is not possible. */
  reload(): Promise<void>;
}
