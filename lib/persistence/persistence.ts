/**
 * Persistence: what a node keeps on disk, from its start to its stop. It loads what is in the folder, opens the append
 * log and hands it to execution, watches over the disk, and says to the gate when writes must wait or be refused.
 */
import { resolve } from 'node:path';
import { AppendLog } from './append-log.js';
import { type FileSystem, type Lock, systemFiles } from './file-system.js';
import { FolderInUse } from './folder-lock.js';
import { LogFolder } from './log-folder.js';
import type { SyncPolicy, SyncRules } from './log-writer.js';
import { Manifest, ManifestError } from './manifest.js';
import { type LoadProgress, Recovery, RecoveryError } from './recovery.js';
import { reasonOf } from './system-error.js';
import { SettingError } from '../config/settings.js';
import { isLoading, misconfigured } from '../errors.js';
import type { NodeState } from '../execution/node-state.js';

/** What keeps a node from starting with its folder. */
export class PersistenceError extends Error {}

const LOOK_PERIOD_MS = 100;

export class Persistence {
  private readonly folder: LogFolder;
  private readonly rules: SyncRules = { policy: 'everysec', isSyncPaused: false };
  private lock: Lock | undefined;
  private log: AppendLog | undefined;
  private manifest: Manifest | undefined;
  private progress: LoadProgress | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly node: NodeState,
    files: FileSystem = systemFiles,
  ) {
    const { settings } = node;
    const dir = resolve(settings.text('dir'));
    this.folder = new LogFolder(files, dir, settings.text('appenddirname'), settings.text('appendfilename'));
    settings.watch('appendfsync', () => {
      this.rules.policy = settings.text('appendfsync') as SyncPolicy;
      this.log?.wake();
    });
    settings.guard(['appendonly'], (proposed) => this.refuseSwitch(proposed('appendonly')));
    settings.watch('aof-timestamp-enabled', () => this.noteTimes());
  }

  private refuseSwitch(appendonly: string): void {
    if (appendonly === this.node.settings.text('appendonly')) return;
    throw new SettingError('appendonly', 'appendonly cannot be changed while the node runs', "can't be changed while the node runs");
  }

  /** Loads what there is and begins to record. Rejects with PersistenceError. */
  async start(): Promise<void> {
    const { settings } = this.node;
    if (!settings.flag('appendonly')) return;
    try {
      await this.folder.files.makeFolder(this.folder.folder);
      this.lock = await this.folder.files.lock(this.folder.folder);
      this.manifest = await this.folder.readManifest();
      if (this.manifest !== undefined) await this.load(this.manifest);
      await this.openLog();
    } catch (error) {
      this.lock?.release();
      this.lock = undefined;
      if (error instanceof RecoveryError || error instanceof ManifestError || error instanceof FolderInUse) {
        throw new PersistenceError(error.message, { cause: error });
      }
      throw new PersistenceError(`the folder ${this.folder.folder} cannot be used: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** Brings everything to disk and lets the folder go. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    const { log } = this;
    this.log = this.node.propagation.log = undefined;
    try {
      await log?.close();
    } catch (error) {
      this.node.log.error(`The end of the append log could not be written: ${reasonOf(error)}`);
    }
    this.lock?.release();
    this.lock = undefined;
  }

  // ---- the start

  /** From now on commands that need the data are answered -LOADING, until `start` is done. */
  announceLoading(): void {
    if (!this.node.settings.flag('appendonly')) return;
    this.node.refusal = (command) => (command.isAllowedWhileLoading ? undefined : isLoading());
  }

  private async load(manifest: Manifest): Promise<void> {
    const { node, folder } = this;
    const startedAtMs = node.clock.nowMs();
    this.progress = { totalBytes: 0, loadedBytes: 0, startedAtMs };
    const mayCut = node.settings.flag('aof-load-truncated');
    const recovery = new Recovery({ node, folder, mayCut, progress: this.progress });
    await recovery.load(manifest);
    this.progress = undefined;
    const seconds = (node.clock.nowMs() - startedAtMs) / 1000;
    node.log.info(`DB loaded from append only file: ${seconds.toFixed(3)} seconds, ${recovery.records} records`);
  }

  /** Opens the last increment, or makes the first. */
  private async openLog(): Promise<void> {
    const { folder, node } = this;
    const manifest = this.manifest ?? new Manifest(folder.prefix);
    await folder.removeTemporary();
    const last = manifest.increments.at(-1);
    const entry = last ?? manifest.addIncrement();
    const file = last === undefined ? await folder.create(entry) : await folder.files.open(folder.pathOf(entry), 'write');
    if (last === undefined) await folder.writeManifest(manifest);
    this.manifest = await folder.removeHistory(manifest);
    this.log = new AppendLog(file, await file.size(), this.rules, node.clock, {
      onFailure: (operation, error) => this.onFailure(operation, error),
      onRecovery: () => this.onRecovery(),
      onDone: (operation, durationUs) => this.onDone(operation, durationUs),
    });
    this.log.onTurn = () => this.look();
    this.noteTimes();
    node.propagation.log = this.log;
    node.refusal = undefined;
    this.timer = setInterval(() => this.look(), LOOK_PERIOD_MS);
    this.timer.unref();
  }

  private noteTimes(): void {
    if (this.log !== undefined) this.log.notesTime = this.node.settings.flag('aof-timestamp-enabled');
  }

  // ---- the disk

  /** Has writers wait while the disk does not keep up. */
  private look(): void {
    this.node.pause.holdWrites(this.log?.isBehind === true);
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
    if (latency.isSlow(durationUs)) {
      latency.add(operation === 'write' ? 'aof-write' : 'aof-fsync', durationUs, clock.nowMs());
    }
  }
}
