/**
 * Persistence: what a node keeps on disk, from its start to its stop. It loads what is in the folder, opens the append
 * log and hands it to execution, has it rewritten when it has grown, watches over the disk, and says to the gate when
 * writes must wait or be refused.
 *
 * A rewrite makes an increment, goes on recording there, and at the same moment begins a snapshot, which becomes the
 * base in front of that increment. So base and increment fit, whatever is written meanwhile.
 */
import { resolve } from 'node:path';
import { AppendLog } from './append-log.js';
import { BaseFile } from './base-file.js';
import { type FileSystem, type Lock, systemFiles } from './file-system.js';
import { FolderInUse } from './folder-lock.js';
import { LogFolder } from './log-folder.js';
import type { SyncPolicy, SyncRules } from './log-writer.js';
import { type LogFileEntry, Manifest, ManifestError } from './manifest.js';
import { type LoadProgress, Recovery, RecoveryError } from './recovery.js';
import { isDiskFull, reasonOf } from './system-error.js';
import type { AppendLogServices } from '../commands/append-log-services.js';
import { isLoading, misconfigured } from '../errors.js';
import type { NodeState } from '../execution/node-state.js';

/** What keeps a node from starting with its folder. */
export class PersistenceError extends Error {}

const LOOK_PERIOD_MS = 100;
/** After a rewrite that failed the next one does not begin by itself before this time. */
const REWRITE_RETRY_MS = 60_000;

export class Persistence implements AppendLogServices {
  lastRewriteSeconds = -1;
  lastRewriteStatus: 'ok' | 'err' = 'ok';
  rewrites = 0;
  failedRewrites = 0;
  baseBytes = 0;
  delays = 0;
  loading: LoadProgress | undefined;

  private readonly folder: LogFolder;
  private readonly rules: SyncRules = { policy: 'everysec', isSyncPaused: false };
  private lock: Lock | undefined;
  private log: AppendLog | undefined;
  private manifest: Manifest;
  /** Bytes of the files before the one that is written to. */
  private bytesBefore = 0;
  private base: BaseFile | undefined;
  private rewriteStartedAtMs: number | undefined;
  private rewriteFailedAtMs = -Infinity;
  /** What changes files happens one after the other. */
  private work: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private isStarted = false;

  constructor(
    private readonly node: NodeState,
    files: FileSystem = systemFiles,
  ) {
    const { settings } = node;
    const dir = resolve(settings.text('dir'));
    this.folder = new LogFolder(files, dir, settings.text('appenddirname'), settings.text('appendfilename'));
    this.manifest = new Manifest(this.folder.prefix);
    settings.watch('appendfsync', () => {
      this.rules.policy = settings.text('appendfsync') as SyncPolicy;
      this.log?.wake();
    });
    settings.watch('no-appendfsync-on-rewrite', () => this.pauseSyncs());
    settings.watch('aof-timestamp-enabled', () => this.noteTimes());
    settings.watch('appendonly', () => this.onSwitch());
  }

  // ---- from the start to the stop

  /** From now on commands that need the data are answered -LOADING, until `start` is done. */
  announceLoading(): void {
    if (this.node.settings.flag('appendonly')) this.refuseForLoading();
  }

  private refuseForLoading(): void {
    this.node.refusal = (command) => (command.isAllowedWhileLoading ? undefined : isLoading());
  }

  /**
   * Loads what there is and begins to record. `loadSnapshot` loads a snapshot where there is no log yet.
   * Rejects with PersistenceError.
   */
  async start(loadSnapshot: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    this.isStarted = true;
    if (!this.node.settings.flag('appendonly')) return;
    try {
      await this.takeFolder();
      const manifest = await this.findManifest();
      if (manifest === undefined) {
        await loadSnapshot();
        await this.begin();
      } else {
        this.manifest = manifest;
        await this.load();
        await this.goOn();
      }
    } catch (error) {
      this.leaveFolder();
      throw forPeople(error, this.folder.folder);
    }
    this.node.refusal = undefined;
    this.startLooking();
  }

  /** Brings everything to disk and lets the folder go. */
  async stop(): Promise<void> {
    this.isStarted = false;
    clearInterval(this.timer);
    this.base?.abort();
    await this.work;
    await this.closeLog();
    this.leaveFolder();
  }

  private async takeFolder(): Promise<void> {
    await this.folder.files.makeFolder(this.folder.folder);
    this.lock ??= await this.folder.files.lock(this.folder.folder);
  }

  private leaveFolder(): void {
    this.lock?.release();
    this.lock = undefined;
  }

  private async closeLog(): Promise<void> {
    const { log } = this;
    this.log = this.node.propagation.log = undefined;
    this.node.pause.holdWrites(false);
    try {
      await log?.close();
    } catch (error) {
      this.node.log.error(`The end of the append log could not be written: ${reasonOf(error)}`);
    }
  }

  private startLooking(): void {
    clearInterval(this.timer);
    this.timer = setInterval(() => this.look(), LOOK_PERIOD_MS);
    this.timer.unref();
  }

  // ---- what is there

  /** The manifest; that of a log of one file, as Redis had it before 7, is made. Undefined when there is no log. */
  private async findManifest(): Promise<Manifest | undefined> {
    const { folder, node } = this;
    const manifest = await folder.readManifest();
    if (manifest !== undefined || !(await folder.files.list(folder.folder)).includes(folder.prefix)) return manifest;
    await folder.adopt();
    node.log.info(`The append log ${folder.prefix} of one file was moved into ${folder.path}`);
    return folder.readManifest();
  }

  private async load(): Promise<void> {
    const { node, folder } = this;
    const startedAtMs = node.clock.nowMs();
    this.loading = { totalBytes: 0, loadedBytes: 0, startedAtMs };
    try {
      const mayCut = node.settings.flag('aof-load-truncated');
      const recovery = new Recovery({ node, folder, mayCut, progress: this.loading });
      await recovery.load(this.manifest);
      await node.afterLoading();
      const seconds = ((node.clock.nowMs() - startedAtMs) / 1000).toFixed(3);
      node.log.info(`DB loaded from append only file: ${seconds} seconds`);
    } finally {
      this.loading = undefined;
    }
  }

  /** Opens the last increment, or makes one. */
  private async goOn(): Promise<void> {
    const { folder } = this;
    await folder.removeTemporary();
    const manifest = this.manifest.copy();
    const last = manifest.increments.at(-1);
    const entry = last ?? manifest.addIncrement();
    const file = await folder.files.open(folder.pathOf(entry), last === undefined ? 'create' : 'write');
    if (last === undefined) await folder.writeManifest(manifest);
    this.manifest = await folder.removeHistory(manifest);
    this.bytesBefore = 0;
    for (const each of this.manifest.files) if (each.name !== entry.name) this.bytesBefore += await folder.sizeOf(each);
    const size = await file.size();
    this.baseBytes = this.bytesBefore + size;
    this.record(new AppendLog(file, size, this.rules, this.node.clock, {
      onFailure: (operation, error) => this.onFailure(operation, error),
      onRecovery: () => this.onRecovery(),
      onDone: (operation, durationUs) => this.onDone(operation, durationUs),
    }));
  }

  private record(log: AppendLog): void {
    this.log = this.node.propagation.log = log;
    log.onTurn = () => this.look();
    this.noteTimes();
  }

  /** A log begins with what the store has now: a base and an empty increment, in the place of whatever there was. */
  private async begin(): Promise<void> {
    const { folder } = this;
    const manifest = this.manifest.copy();
    const increment = manifest.addIncrement();
    const base = await BaseFile.open(this.node, folder);
    const file = await folder.create(increment);
    base.begin();
    this.record(new AppendLog(file, 0, this.rules, this.node.clock, {
      onFailure: (operation, error) => this.onFailure(operation, error),
      onRecovery: () => this.onRecovery(),
      onDone: (operation, durationUs) => this.onDone(operation, durationUs),
    }));
    await this.finishBase(base, manifest, increment);
  }

  // ---- the rewrite

  get isOn(): boolean {
    return this.log !== undefined;
  }

  get isRewriting(): boolean {
    return this.rewriteStartedAtMs !== undefined;
  }

  rewrite(): void {
    void this.queue(() => this.rewriteNow());
  }

  private async rewriteNow(): Promise<void> {
    const { node, folder } = this;
    this.rewriteStartedAtMs = node.clock.nowMs();
    this.rewrites++;
    this.pauseSyncs();
    node.log.info('Background append only file rewriting started');
    try {
      if (this.log === undefined) await this.writeBaseAlone();
      else {
        const base = await BaseFile.open(node, folder);
        const manifest = this.manifest.copy();
        const increment = manifest.addIncrement();
        const file = await folder.create(increment);
        await folder.writeManifest(manifest);
        this.manifest = manifest;
        // One moment: what was recorded before is in the base, what comes is in the increment.
        this.bytesBefore += this.log.size;
        this.log.switchTo(file);
        base.begin();
        await this.finishBase(base, manifest, increment);
      }
      this.lastRewriteStatus = 'ok';
      this.failedRewrites = 0;
      node.log.info('Background AOF rewrite finished successfully');
    } catch (error) {
      this.lastRewriteStatus = 'err';
      this.failedRewrites++;
      this.rewriteFailedAtMs = node.clock.nowMs();
      node.log.warning(`Background AOF rewrite failed: ${reasonOf(error)}`);
    } finally {
      this.lastRewriteSeconds = this.currentRewriteSeconds;
      this.rewriteStartedAtMs = undefined;
      this.pauseSyncs();
    }
  }

  /** Waits for the base, and puts it in force with the increments from `first` on. */
  private async finishBase(base: BaseFile, before: Manifest, first: LogFileEntry): Promise<void> {
    const { folder } = this;
    this.base = base;
    try {
      const manifest = before.copy();
      const entry = manifest.nextBase('rdb');
      this.bytesBefore = await base.finish(entry);
      manifest.replaceBase(entry, first);
      await folder.writeManifest(manifest);
      this.manifest = manifest;
      this.baseBytes = this.currentBytes;
      this.manifest = await folder.removeHistory(manifest);
    } finally {
      this.base = undefined;
    }
  }

  /** BGREWRITEAOF without an append log: what is there now, for a server that is started with one. */
  private async writeBaseAlone(): Promise<void> {
    const { folder } = this;
    await this.takeFolder();
    try {
      const manifest = (await folder.readManifest()) ?? new Manifest(folder.prefix);
      const base = await BaseFile.open(this.node, folder);
      const none = manifest.copy().addIncrement();
      base.begin();
      await this.finishBase(base, manifest, none);
    } finally {
      this.leaveFolder();
    }
  }

  private startRewriteIfDue(): void {
    const { node } = this;
    const { settings } = node;
    const percentage = settings.integer('auto-aof-rewrite-percentage');
    if (this.isRewriting || this.log === undefined || percentage === 0) return;
    const { currentBytes } = this;
    if (currentBytes <= settings.integer('auto-aof-rewrite-min-size')) return;
    if (node.clock.nowMs() - this.rewriteFailedAtMs < REWRITE_RETRY_MS) return;
    const growth = Math.floor((currentBytes * 100) / Math.max(this.baseBytes, 1)) - 100;
    if (growth < percentage) return;
    node.log.info(`Starting automatic rewriting of AOF on ${growth}% growth`);
    // Until it has begun it is not asked for again.
    this.rewriteStartedAtMs = node.clock.nowMs();
    this.rewrite();
  }

  private pauseSyncs(): void {
    this.rules.isSyncPaused = this.isRewriting && this.node.settings.flag('no-appendfsync-on-rewrite');
    this.log?.wake();
  }

  private queue(act: () => Promise<void>): Promise<void> {
    const done = this.work.then(act);
    this.work = done.catch(() => undefined);
    return done;
  }

  // ---- CONFIG SET appendonly, DEBUG LOADAOF

  private onSwitch(): void {
    if (!this.isStarted) return;
    const isWanted = this.node.settings.flag('appendonly');
    void this.queue(async () => {
      if (isWanted === this.isOn) return;
      if (isWanted) await this.switchOn();
      else await this.switchOff();
    });
  }

  private async switchOn(): Promise<void> {
    const { node, folder } = this;
    try {
      await this.takeFolder();
      this.manifest = (await folder.readManifest()) ?? new Manifest(folder.prefix);
      await this.begin();
      this.startLooking();
      node.log.info('The append log is on');
    } catch (error) {
      await this.switchOff();
      node.log.warning(`The append log could not be switched on: ${reasonOf(error)}`);
      node.settings.set('appendonly', 'no');
    }
  }

  private async switchOff(): Promise<void> {
    clearInterval(this.timer);
    await this.closeLog();
    this.node.refusal = undefined;
    this.leaveFolder();
  }

  async reload(): Promise<void> {
    await this.queue(async () => {
      const { node, folder } = this;
      await this.log?.flush();
      const manifest = await folder.readManifest();
      if (manifest === undefined) throw new PersistenceError(`there is no append log in ${folder.path}`);
      this.manifest = manifest;
      this.refuseForLoading();
      this.node.propagation.log = undefined;
      try {
        for (const db of node.store.databases) node.store.empty(db);
        await this.load();
      } finally {
        node.propagation.log = this.log;
        node.refusal = undefined;
      }
    });
  }

  // ---- the disk

  private noteTimes(): void {
    if (this.log !== undefined) this.log.notesTime = this.node.settings.flag('aof-timestamp-enabled');
  }

  /** Has writers wait while the disk does not keep up, and the log rewritten when it has grown. */
  private look(): void {
    const isBehind = this.log?.isBehind === true;
    if (this.node.pause.holdWrites(isBehind) && isBehind) {
      this.delays++;
      this.node.log.warning('The disk does not keep up with the append log: writes wait for it');
    }
    this.startRewriteIfDue();
  }

  private onFailure(operation: 'write' | 'sync', error: unknown): void {
    const reason = reasonOf(error);
    const what = operation === 'write' ? 'Error writing to the AOF file' : 'Fail to fsync the AOF file';
    this.node.log.warning(`${what}: ${reason}`);
    this.node.refusal = ({ isWrite, name }, { transaction }) => {
      const writes = isWrite || name === 'ping' || (name === 'exec' && transaction?.writes === true);
      return writes ? misconfigured(reason) : undefined;
    };
  }

  private onRecovery(): void {
    this.node.log.warning('AOF write error looks solved. The node can write again.');
    this.node.refusal = undefined;
  }

  private onDone(operation: 'write' | 'sync', durationUs: number): void {
    const { latency, clock } = this.node;
    if (!latency.isSlow(durationUs)) return;
    const isWaitedFor = this.rules.policy === 'always';
    latency.add(operation === 'write' ? 'aof-write' : isWaitedFor ? 'aof-fsync-always' : 'aof-fsync', durationUs, clock.nowMs());
  }

  // ---- INFO

  get currentRewriteSeconds(): number {
    const { rewriteStartedAtMs } = this;
    return rewriteStartedAtMs === undefined ? -1 : Math.floor((this.node.clock.nowMs() - rewriteStartedAtMs) / 1000);
  }

  get lastWriteStatus(): 'ok' | 'err' {
    return this.log?.failure === undefined ? 'ok' : 'err';
  }

  get currentBytes(): number {
    return this.bytesBefore + (this.log?.size ?? 0);
  }

  get bufferedBytes(): number {
    return this.log?.unwritten ?? 0;
  }

  get isSyncing(): boolean {
    return this.log?.isSyncing === true;
  }
}

function forPeople(error: unknown, folder: string): PersistenceError {
  const isForPeople = error instanceof RecoveryError || error instanceof ManifestError || error instanceof FolderInUse;
  const remedy = isDiskFull(error) ? 'make room, or give this node another with --dir' : 'give this node another with --dir';
  const message = isForPeople ? error.message : `the folder ${folder} cannot be used: ${reasonOf(error)}: ${remedy}`;
  return new PersistenceError(message, { cause: error });
}
