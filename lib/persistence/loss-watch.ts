/**
 * Watches for the loss of the append log, and has it made anew. It is lost when its files are not in their folder any
 * more: a file that was removed, or moved away with its folder, takes writes as before, and nobody would find what it
 * has. The system says nothing, so one has to look. It is given up, too, when too much of it waits for the disk.
 *
 * From then on writes are refused, until a base with everything that is in memory has been written, in the folder,
 * which is made when it is not there.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { AppendLog } from './append-log.js';
import type { LogFolder } from './log-folder.js';
import type { Manifest } from './manifest.js';
import { reasonOf } from './system-error.js';
import { FolderInUse, misconfigured } from '../errors.js';
import type { NodeState } from '../execution/node-state.js';
import { refuseWrites } from '../execution/refusals.js';

const LOOK_PERIOD_MS = 1000;
/** A log that cannot be made anew is tried again after so long. */
const RETRY_MS = 500;

export interface Log {
  /** The log that is written to, with what is in force. */
  current(): { log: AppendLog; folder: LogFolder; manifest: Manifest } | undefined;
  /** Has `act` run when nothing else changes files. What is under way is of no use any more. */
  whenIdle(act: () => Promise<void>): void;
  /** Begins the log anew. Rejects when the disk does not take it. */
  makeAnew(log: AppendLog): Promise<void>;
}

export class LossWatch {
  isLost = false;
  /** The file that is written to. */
  private path = '';
  private identity: string | undefined;
  private looking: Promise<void> | undefined;
  private lookedAtMs = 0;
  /** How often memory has been replaced. */
  private replacements = 0;
  private whenTried: (() => void)[] = [];

  constructor(
    private readonly node: NodeState,
    private readonly what: Log,
  ) {}

  /** From now on it is this file, which is there, that is written to. */
  async follow(path: string, { files }: LogFolder): Promise<void> {
    const identity = await files.identityOf(path);
    this.path = path;
    this.identity = identity;
  }

  /**
   * What is in memory has been replaced by something else. Resolves when the log has been made anew, or when that has
   * failed once.
   */
  replace(log: AppendLog, reason: string): Promise<void> {
    this.replacements++;
    const tried = new Promise<void>((resolve) => this.whenTried.push(resolve));
    this.lose(log, reason);
    return tried;
  }

  /** Looks when it is time to. */
  look(): void {
    const { log } = this.what.current() ?? {};
    if (log === undefined || this.isLost) return;
    if (log.isOverfull) this.lose(log, `${log.kept} bytes wait for the disk`);
    else if (this.looking === undefined && this.node.clock.nowMs() - this.lookedAtMs >= LOOK_PERIOD_MS) {
      this.looking = this.lookOnce().finally(() => (this.looking = undefined));
    }
  }

  /** Looks at what is there now. */
  async lookNow(): Promise<void> {
    await this.looking;
    await this.lookOnce();
  }

  private async lookOnce(): Promise<void> {
    const before = this.what.current();
    if (before === undefined || this.isLost) return;
    this.lookedAtMs = this.node.clock.nowMs();
    const missing = await this.findMissing(before.folder, before.manifest);
    const now = this.what.current();
    // A rewrite may have put other files in force meanwhile.
    if (missing === undefined || now?.log !== before.log || now.manifest !== before.manifest) return;
    this.lose(before.log, `${missing} has been removed`);
  }

  private async findMissing(folder: LogFolder, manifest: Manifest): Promise<string | undefined> {
    const { path, identity } = this;
    const isThere = async (each: string): Promise<boolean> => (await folder.files.identityOf(each)) !== undefined;
    try {
      if ((await folder.files.identityOf(path)) !== identity) return path === this.path ? path : undefined;
      // A log that begins has no manifest yet.
      if (manifest.files.length === 0) return undefined;
      for (const each of [folder.manifestPath, ...manifest.files.map((entry) => folder.pathOf(entry))]) {
        if (!(await isThere(each))) return each;
      }
    } catch {
      // A folder that cannot be looked into may be written to all the same.
    }
    return undefined;
  }

  private lose(log: AppendLog, reason: string): void {
    if (this.isLost) return;
    this.isLost = true;
    this.node.log.warning(`The append log is lost: ${reason}. Writes are refused until it has been made anew`);
    this.refuse(reason);
    log.giveUp(new Error(reason));
    this.what.whenIdle(() => this.makeAnew(log));
  }

  private refuse(reason: string): void {
    this.node.refuseFor('lost log', refuseWrites(misconfigured(reason)));
  }

  /** Makes the log anew as soon as the disk takes it. */
  private async makeAnew(log: AppendLog): Promise<void> {
    const tell = (): void => this.whenTried.splice(0).forEach((resolve) => resolve());
    let told = '';
    while (this.what.current()?.log === log && !(await this.tryToMakeAnew(log, told))) {
      tell();
      told = this.reason;
      await delay(RETRY_MS);
    }
    tell();
  }

  private reason = '';

  private async tryToMakeAnew(log: AppendLog, told: string): Promise<boolean> {
    const { node, replacements } = this;
    try {
      await this.what.makeAnew(log);
      if (replacements !== this.replacements) throw new Error('memory was replaced meanwhile');
    } catch (error) {
      log.giveUp(error as Error);
      this.reason = error instanceof FolderInUse ? error.message : `${this.path}: ${reasonOf(error)}`;
      this.refuse(this.reason);
      if (this.reason !== told) node.log.warning(`The append log cannot be made anew: ${this.reason}`);
      return false;
    }
    this.end();
    node.log.warning(`The append log has been made anew: ${this.path}. The node can write again.`);
    return true;
  }

  /** There is no log any more, or one that is whole. */
  end(): void {
    this.isLost = false;
    this.node.refuseFor('lost log', undefined);
    this.node.refuseFor('log', undefined);
  }
}
