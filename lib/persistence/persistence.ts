/**
 * Persistence: what a node keeps on disk, from its start to its stop. It loads what is in the folder, opens the append
 * log and hands it to execution, has it rewritten when it has grown, watches over the disk, and says to the gate when
 * writes must wait or be refused.
 *
 * A rewrite makes an increment, goes on recording there, and at the same moment begins a snapshot, which becomes the
 * base in front of that increment. So base and increment fit, whatever is written meanwhile.
 */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppendLog } from './append-log.js';
import { BaseFile } from './base-file.js';
import { DiskWatch } from './disk-watch.js';
import type { DataFile, FileSystem } from './file-system.js';
import type { FolderHold } from './folder-hold.js';
import { LogFolder } from './log-folder.js';
import type { SyncPolicy, SyncRules } from './log-writer.js';
import { LoadProgress } from './load-progress.js';
import { LossWatch } from './loss-watch.js';
import { type LogFileEntry, Manifest, ManifestError } from './manifest.js';
import { PersistenceError } from './persistence-error.js';
import { loadAside } from './reload.js';
import { Recovery, RecoveryError } from './recovery.js';
import type { Snapshot } from './snapshot.js';
import type { SnapshotKeeper } from './snapshot-keeper.js';
import type { SnapshotTurn } from './snapshot-turn.js';
import { codeOf, isDiskFull, reasonOf } from './system-error.js';
import type { AppendLogServices } from '../commands/append-log-services.js';
import { SettingError } from '../config/settings.js';
import { FolderInUse } from '../errors.js';
import type { NodeState } from '../execution/node-state.js';
import { refuseWhileLoading } from '../execution/refusals.js';

const LOOK_PERIOD_MS = 100;
/** A stop waits so long for a log that is lost. */
const STOP_MS_MAX = 5000;
/** After a rewrite that failed the next one does not begin by itself before this time. */
const REWRITE_RETRY_MS = 60_000;

export class Persistence implements AppendLogServices {
  lastRewriteSeconds = -1;
  lastRewriteStatus: 'ok' | 'err' = 'ok';
  rewrites = 0;
  failedRewrites = 0;
  baseBytes = 0;
  lastWaitingBytes = 0;
  loading: LoadProgress | undefined;
  isRewriteScheduled = false;

  private folder: LogFolder;
  private readonly rules: SyncRules = { policy: 'everysec', isSyncPaused: false };
  private log: AppendLog | undefined;
  private manifest: Manifest;
  private readonly lossWatch: LossWatch;
  /** Bytes of the files before the one that is written to. */
  private bytesBefore = 0;
  private base: BaseFile | undefined;
  private rewriteStartedAtMs: number | undefined;
  private rewriteFailedAtMs = -Infinity;
  private readonly watch: DiskWatch;
  /** What changes files happens one after the other. */
  private work: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  /** All data is in the store. */
  isLoaded = false;
  private isStarted = false;
  /** The first base is being written: without it the log is of no use. */
  private isBeginning = false;
  /** Other data are being put into the store: the log is neither switched on, with half of them, nor off. */
  private isSteady = false;
  private isGivingUp = false;
  /** What the setting appendonly said last. */
  private isWanted = false;
  switchingOn: Promise<void> | undefined;

  constructor(
    private readonly node: NodeState,
    private readonly snapshots: SnapshotKeeper,
    private readonly turn: SnapshotTurn,
    private readonly files: FileSystem,
    private readonly hold: FolderHold,
  ) {
    const { settings } = node;
    this.watch = new DiskWatch(node, this.rules, turn);
    this.folder = this.findFolder();
    this.lossWatch = new LossWatch(node, {
      current: () => this.log && { log: this.log, folder: this.folder, manifest: this.manifest },
      whenIdle: (act) => {
        this.base?.abort();
        void this.queue(act);
      },
      makeAnew: (log) => this.beginAnew(log),
    });
    this.manifest = new Manifest(this.folder.prefix);
    settings.watch('appendfsync', () => {
      this.rules.policy = settings.text('appendfsync') as SyncPolicy;
      this.log?.wake();
    });
    settings.watch('no-appendfsync-on-rewrite', () => this.pauseSyncs());
    turn.onChange = () => this.pauseSyncs();
    settings.watch('aof-timestamp-enabled', () => this.noteTimes());
    settings.watch('appendonly', () => this.onSwitch());
    settings.guard(['appendonly', 'save', 'dir'], refuseWithoutFolder);
    settings.guard(['dir'], (proposed) => this.refuseMove(proposed));
    settings.guard(['appendonly'], (proposed) => this.refuseSwitch(proposed));
  }

  /** CONFIG SET dir: as redis-server, but for the log, which it would leave behind. */
  private refuseMove(proposed: (name: string) => string): void {
    const dir = proposed('dir');
    const refuse = (reason: string): never => {
      throw new SettingError('dir', `dir: '${dir}': ${reason}`, reason);
    };
    if (this.isOn || proposed('appendonly') === 'yes') {
      refuse('the append log is in the folder: CONFIG SET appendonly no first');
    }
    const found = statSync(resolve(dir), { throwIfNoEntry: false });
    if (dir === '' || found === undefined) refuse('No such file or directory');
    else if (!found.isDirectory()) refuse('Not a directory');
  }

  private refuseSwitch(proposed: (name: string) => string): void {
    if (!this.isSteady || (proposed('appendonly') === 'yes') === this.isWanted) return;
    const reason = 'the data are being loaded: try again when that is done';
    throw new SettingError('appendonly', `appendonly: ${reason}`, reason);
  }

  private findFolder(): LogFolder {
    const { settings } = this.node;
    const dir = resolve(settings.text('dir'));
    return new LogFolder(this.files, dir, settings.text('appenddirname'), settings.text('appendfilename'));
  }

  // ---- from the start to the stop

  /** From now on commands that need the data are answered -LOADING, until `start` is done. */
  announceLoading(): void {
    this.node.refuseFor('loading', refuseWhileLoading);
  }

  /** Loads what there is and begins to record. Rejects with PersistenceError; whatever it has opened, `stop` closes. */
  async start(): Promise<void> {
    const { settings } = this.node;
    this.isStarted = true;
    try {
      refuseWithoutFolder((name) => settings.text(name));
      if (settings.text('dir') !== '') await this.loadAll();
      else await this.hold.start();
    } catch (error) {
      throw forPeople(error, this.folder.folder);
    }
    this.isLoaded = true;
    this.node.refuseFor('loading', undefined);
    if (this.isOn) this.startLooking();
  }

  private async loadAll(): Promise<void> {
    const { snapshots, folder } = this;
    if (!this.node.settings.flag('appendonly')) {
      await this.hold.start();
      await snapshots.removeTemporary();
      await snapshots.load();
      return;
    }
    await this.takeFolder();
    await snapshots.removeTemporary();
    await folder.removeTemporary();
    const manifest = await this.findManifest();
    if (manifest === undefined) {
      // Who moves in with a snapshot keeps what is in it: it becomes the first base.
      await snapshots.load();
      await this.begin();
    } else {
      this.manifest = manifest;
      await this.load();
      await this.goOn();
    }
  }

  /** Brings everything to disk and lets the folder go. */
  async stop(): Promise<void> {
    this.isStarted = false;
    clearInterval(this.timer);
    await this.endRewrite();
    await this.closeLog();
    await this.hold.stop();
  }

  /** Gives up a rewrite, unless it puts back what was removed a moment ago, which is waited for. */
  async endRewrite(): Promise<void> {
    await this.lossWatch.lookNow();
    if (this.lossWatch.isLost) await Promise.race([this.work, delay(STOP_MS_MAX)]);
    else await this.giveUp();
  }

  /** Resolves when all that was recorded is on disk. Rejects when the disk does not take it. */
  async flush(): Promise<void> {
    if (this.lossWatch.isLost) throw new Error('the append log is lost');
    await this.log?.flush();
  }

  /** Throws while the log has been switched on and has no base yet: then it could not be loaded. */
  checkBegun(): void {
    if (this.isBeginning) throw new PersistenceError("Writing initial AOF, can't exit.");
  }

  /** Gives up a rewrite; its file is gone when this resolves. The log is whole without it. */
  async giveUp(): Promise<void> {
    this.isGivingUp = true;
    this.base?.abort();
    await this.work;
    this.isGivingUp = false;
  }

  /** Holds the folder as long as there is a log. */
  private takeFolder(): Promise<void> {
    this.folder = this.findFolder();
    return this.hold.keepForLog(this.folder.folder);
  }

  private async closeLog(): Promise<void> {
    const { log } = this;
    this.log = this.node.propagation.log = undefined;
    this.watch.end();
    this.lossWatch.end();
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
    if (!(await folder.isToAdopt(manifest))) return manifest;
    await folder.adopt();
    node.log.info(`The append log ${folder.prefix} of one file was moved into ${folder.path}`);
    return folder.readManifest();
  }

  private async load(): Promise<void> {
    const { node, folder } = this;
    this.loading = new LoadProgress(node.clock, node.log, 'the log');
    try {
      const mayCut = node.settings.flag('aof-load-truncated');
      const recovery = new Recovery({ node, folder, mayCut, progress: this.loading });
      await recovery.load(this.manifest);
      await node.afterLoading();
      node.log.info(`DB loaded from append only file: ${this.loading.seconds} seconds`);
    } finally {
      this.loading = undefined;
    }
  }

  /** Opens the last increment, or makes one. */
  private async goOn(): Promise<void> {
    const { folder } = this;
    const manifest = this.manifest.copy();
    const last = manifest.increments.at(-1);
    const entry = last ?? manifest.addIncrement();
    const file = await folder.files.open(folder.pathOf(entry), last === undefined ? 'create' : 'write');
    await closedOnError(file, async () => {
      if (last === undefined) await folder.writeManifest(manifest);
      this.manifest = await folder.removeHistory(manifest);
      this.bytesBefore = 0;
      for (const each of this.manifest.files) {
        if (each.name !== entry.name) this.bytesBefore += await folder.sizeOf(each);
      }
      const size = await file.size();
      this.baseBytes = this.bytesBefore + size;
      await this.lossWatch.follow(folder.pathOf(entry), folder);
      this.record(new AppendLog(file, size, this.rules, this.node.clock, this.watch));
    });
  }

  private record(log: AppendLog): void {
    this.log = this.node.propagation.log = log;
    log.onTurn = () => this.look();
    this.noteTimes();
  }

  /**
   * A log begins with what the store has now: a base and an empty increment, in the place of whatever there was. A log
   * that was given up goes on so.
   */
  private async begin(givenUp?: AppendLog): Promise<void> {
    const { folder } = this;
    const manifest = this.manifest.copy();
    const increment = manifest.addIncrement();
    await BaseFile.making(this.node, folder, async (base) => {
      const file = await folder.create(increment);
      await closedOnError(file, () => this.lossWatch.follow(folder.pathOf(increment), folder));
      base.begin();
      const log = givenUp ?? new AppendLog(file, 0, this.rules, this.node.clock, this.watch);
      if (givenUp === undefined) this.record(log);
      else log.beginAnew(file);
      log.holdBack();
      await this.finishBase(base, manifest, increment);
      log.letGo();
    });
  }

  /** Goes on with a log that was given up, as if it were the first. */
  private async beginAnew(log: AppendLog): Promise<void> {
    await this.takeFolder();
    await this.inTurn(() => this.begin(log));
  }

  // ---- the rewrite

  get isOn(): boolean {
    return this.log !== undefined;
  }

  get isRewriting(): boolean {
    return this.rewriteStartedAtMs !== undefined;
  }

  get snapshot(): Snapshot | undefined {
    return this.base?.snapshot;
  }

  rewrite(): void {
    if (this.isRewriteScheduled) return;
    // Until it has begun nobody asks for it again.
    if (this.turn.isTaken) this.isRewriteScheduled = true;
    else this.rewriteStartedAtMs = this.node.clock.nowMs();
    void this.queue(() => this.inTurn(async () => {
      this.isRewriteScheduled = false;
      if (!this.isGivingUp) await this.rewriteNow();
      else this.rewriteStartedAtMs = undefined;
    }));
  }

  private async inTurn(act: () => Promise<void>): Promise<void> {
    const giveBack = await this.turn.take();
    try {
      await act();
    } finally {
      giveBack();
    }
  }

  private async rewriteNow(): Promise<void> {
    const { node } = this;
    this.rewriteStartedAtMs = node.clock.nowMs();
    this.rewrites++;
    node.log.info('Background append only file rewriting started');
    try {
      const { log } = this;
      if (log === undefined) await this.writeBaseAlone();
      else await BaseFile.making(node, this.folder, (base) => this.rewriteInto(base, log));
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
    }
  }

  private async rewriteInto(base: BaseFile, log: AppendLog): Promise<void> {
    const { folder } = this;
    const manifest = this.manifest.copy();
    const increment = manifest.addIncrement();
    const file = await folder.addIncrement(increment, manifest, this.manifest);
    await closedOnError(file, async () => {
      await this.lossWatch.follow(folder.pathOf(increment), folder);
      if (this.lossWatch.isLost) throw new Error('the append log is lost');
    });
    this.manifest = manifest;
    // One moment: what was recorded before is in the base, what comes is in the increment.
    this.bytesBefore += log.size;
    log.switchTo(file);
    base.begin();
    await this.finishBase(base, manifest, increment);
  }

  /** Waits for the base, and puts it in force with the increments from `first` on. */
  private async finishBase(base: BaseFile, before: Manifest, first: LogFileEntry): Promise<void> {
    const { folder } = this;
    this.base = base;
    if (this.isGivingUp) base.abort();
    try {
      const manifest = before.copy();
      const entry = manifest.nextBase(base.form);
      this.bytesBefore = await base.finish(entry);
      manifest.replaceBase(entry, first);
      const startUs = this.node.clock.elapsedUs();
      await folder.writeManifest(manifest);
      this.watch.note('aof-rename', this.node.clock.elapsedUs() - startUs);
      this.manifest = manifest;
      this.baseBytes = this.currentBytes;
      this.manifest = await folder.removeHistory(manifest);
    } finally {
      this.lastWaitingBytes = base.snapshot?.waitingBytesPeak ?? 0;
      this.base = undefined;
    }
  }

  /** BGREWRITEAOF without an append log: what is there now, for a server that is started with one. */
  private async writeBaseAlone(): Promise<void> {
    const folder = (this.folder = this.findFolder());
    const letGo = await this.hold.take(folder.folder);
    try {
      const manifest = (await folder.readManifest()) ?? new Manifest(folder.prefix);
      const none = manifest.copy().addIncrement();
      await BaseFile.making(this.node, folder, async (base) => {
        base.begin();
        await this.finishBase(base, manifest, none);
      });
    } finally {
      letGo();
    }
  }

  private startRewriteIfDue(): void {
    const { node } = this;
    const { settings } = node;
    const percentage = settings.integer('auto-aof-rewrite-percentage');
    if (this.isRewriting || this.turn.isTaken || this.log === undefined || percentage === 0) return;
    if (this.lossWatch.isLost) return;
    const { currentBytes } = this;
    if (currentBytes <= settings.integer('auto-aof-rewrite-min-size')) return;
    if (node.clock.nowMs() - this.rewriteFailedAtMs < REWRITE_RETRY_MS) return;
    const growth = Math.floor((currentBytes * 100) / Math.max(this.baseBytes, 1)) - 100;
    if (growth < percentage) return;
    node.log.info(`Starting automatic rewriting of AOF on ${growth}% growth`);
    this.rewrite();
  }

  /** While a snapshot is written, whichever: as redis-server, whose child writes it. */
  private pauseSyncs(): void {
    const isPaused = this.turn.isTaken && this.node.settings.flag('no-appendfsync-on-rewrite');
    if (isPaused === this.rules.isSyncPaused) return;
    this.rules.isSyncPaused = isPaused;
    this.log?.wake();
  }

  private queue(act: () => Promise<void>): Promise<void> {
    const done = this.work.then(act);
    this.work = done.catch(() => undefined);
    return done;
  }

  // ---- CONFIG SET appendonly, DEBUG LOADAOF

  private onSwitch(): void {
    const wasWanted = this.isWanted;
    const isWanted = (this.isWanted = this.node.settings.flag('appendonly'));
    if (!this.isStarted) return;
    this.isBeginning = isWanted && !this.isOn;
    const done = this.queue(async () => {
      this.isBeginning = isWanted && !this.isOn;
      if (isWanted === this.isOn) return;
      if (isWanted) await this.switchOn();
      else await this.switchOff();
    });
    // Who has asked for it takes the error, if anybody has; it is in the log.
    done.catch(() => undefined);
    this.switchingOn = isWanted && (!this.isOn || !wasWanted) ? done : undefined;
  }

  /** Rejects with PersistenceError when it is not to be; the setting says no again then. */
  private async switchOn(): Promise<void> {
    const { node } = this;
    try {
      await this.takeFolder();
      const { folder } = this;
      this.manifest = (await folder.readManifest()) ?? new Manifest(folder.prefix);
      await this.inTurn(() => this.begin());
      this.startLooking();
      node.log.info('The append log is on');
    } catch (error) {
      await this.switchOff();
      const reason = error instanceof FolderInUse ? error.message : `${this.folder.path}: ${reasonOf(error)}`;
      node.log.warning(`The append log could not be switched on: ${reason}`);
      node.settings.set('appendonly', 'no');
      throw new PersistenceError(reason, { cause: error });
    } finally {
      this.isBeginning = false;
    }
  }

  private async switchOff(): Promise<void> {
    clearInterval(this.timer);
    await this.closeLog();
    await this.hold.leaveLog();
  }

  /**
   * What is in memory is not what the log describes: it is made anew. Resolves when it is, or when that has failed
   * once; it is tried again then, and writes are refused.
   */
  async replaceLog(reason: string): Promise<void> {
    if (this.log !== undefined) await this.lossWatch.replace(this.log, reason);
  }

  /** Runs `act`, which puts other data into the store, when nothing else changes files, and keeps the log as it is. */
  async whileSteady(act: () => Promise<void>): Promise<void> {
    for (let work; work !== this.work;) await (work = this.work);
    this.isSteady = true;
    try {
      await act();
    } finally {
      this.isSteady = false;
    }
  }

  async reload(): Promise<void> {
    await this.queue(async () => {
      if (!this.isOn) this.folder = this.findFolder();
      const { node, folder } = this;
      await loadAside(node, async () => {
        await this.log?.flush();
        const manifest = await folder.readManifest();
        if (manifest === undefined) throw new PersistenceError(`there is no append log in ${folder.path}`);
        this.manifest = manifest;
        node.store.empty(node.store.databases);
        await this.load();
      });
    });
  }

  // ---- the disk

  private noteTimes(): void {
    if (this.log !== undefined) this.log.notesTime = this.node.settings.flag('aof-timestamp-enabled');
  }

  /** Has the log rewritten when it has grown. */
  private look(): void {
    this.watch.look(this.log);
    this.lossWatch.look();
    this.startRewriteIfDue();
  }

  // ---- INFO

  get delays(): number {
    return this.watch.delays;
  }

  get currentRewriteSeconds(): number {
    const { rewriteStartedAtMs } = this;
    return rewriteStartedAtMs === undefined ? -1 : Math.floor((this.node.clock.nowMs() - rewriteStartedAtMs) / 1000);
  }

  get lastWriteStatus(): 'ok' | 'err' {
    return this.log?.failure === undefined && !this.lossWatch.isLost ? 'ok' : 'err';
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

/** The node may write files only where it has a folder; one that is embedded has none unless it is given. */
function refuseWithoutFolder(proposed: (name: string) => string): void {
  if (proposed('dir') !== '') return;
  const name = proposed('appendonly') === 'yes' ? 'appendonly' : 'save';
  if (name === 'save' && proposed('save') === '') return;
  throw new SettingError(name, `${name} needs a folder: set dir too`, 'there is no folder: set dir first');
}

/** Closes a file that nobody has taken when `act` rejects. */
async function closedOnError(file: DataFile, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}

/** What the system says of the folder becomes a line with a remedy; other errors that are no news stay as they are. */
function forPeople(error: unknown, folder: string): unknown {
  const isForPeople =
    error instanceof RecoveryError || error instanceof ManifestError || error instanceof FolderInUse ||
    error instanceof SettingError;
  const another = "give this node another with --dir, or keep nothing on disk with --appendonly no --save ''";
  const remedy = isDiskFull(error) ? `make room, or ${another}` : another;
  if (!isForPeople && codeOf(error) === undefined) return error;
  const message = isForPeople ? error.message : `the folder ${folder} cannot be used: ${reasonOf(error)}: ${remedy}`;
  return new PersistenceError(message, { cause: error });
}
