/**
 * A process that runs a node: starts it, tells others on this machine that it is there, restarts it with its config
 * read again, and stops it. Above the node and below the command line.
 *
 * A restart happens inside the process: the settings are read and checked first, so that a wrong config leaves the
 * node as it was; then the node ends as at a stop, every reply delivered, and another begins. The process, its pid and
 * its control socket stay. Flags for the runtime itself (node.args) need a stop and a start.
 */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { ControlListener } from './control-listener.js';
import { keptCookie } from './cookie.js';
import { type Place, placeOf, prepareFolder, writeOwn } from './place.js';
import type { ShutdownOptions } from '../commands/context.js';
import type { Loaded } from '../config/load.js';
import { SettingError, type SettingSpec, Settings, settingSpecs } from '../config/settings.js';
import { ConfigError } from '../config/sources.js';
import { ListenError } from '../listeners/bind.js';
import { PersistenceError } from '../persistence/persistence-error.js';
import { ShutdownRefused, shutdownOptions } from '../persistence/shutdown.js';
import { Node } from '../server.js';
import { Log } from '../util/log.js';

export interface ProcessParts {
  /** Reads the settings anew. Rejects with ConfigError. */
  load: () => Promise<Loaded>;
  openLog: (settings: Settings, place: Place) => Log;
  /** The folder in which the process was started. */
  workFolder: string;
  environment: NodeJS.ProcessEnv;
  /** The process that watches over this one; 0 when there is none. */
  heartPid: number;
  /** Ends the process. */
  exit: (code: number) => void;
}

export class NodeProcess {
  node!: Node;
  place!: Place;
  /** What the control socket's clients prove. */
  cookie = '';
  /** The settings as they were read last; a reload looks for what has changed since. */
  private read: Settings | undefined;
  private log: Log = new Log();
  private control: ControlListener | undefined;
  /** Restarts, reloads and the stop happen one after the other. */
  private work: Promise<unknown> = Promise.resolve();
  private isStopping = false;
  /** The ports of the node before the restart. */
  private readonly foundPorts = new Map<string, string>();

  constructor(private readonly parts: ProcessParts) {}

  get heartPid(): number {
    return this.parts.heartPid;
  }

  /** Starts the node. Rejects with ConfigError, ListenError or ControlError, and leaves nothing behind. */
  async start(): Promise<void> {
    const loaded = await this.parts.load();
    const { workFolder, environment } = this.parts;
    this.place = placeOf(loaded.settings, workFolder, environment);
    try {
      if (this.place.socket !== '') await this.takePlace(loaded);
      this.openNode(loaded);
      await this.node.start();
    } catch (error) {
      // It was told to stop while it was loading; that ends the process.
      if (this.isStopping) return;
      await this.leavePlace();
      throw error;
    }
  }

  /** SIGTERM and SIGINT: as the settings shutdown-on-sigterm and shutdown-on-sigint say. */
  stopBySignal(signal: 'SIGTERM' | 'SIGINT'): void {
    // It has not read its settings yet, and there is nothing to be lost.
    if ((this.node as Node | undefined) === undefined) return this.parts.exit(1);
    const words = this.node.state.settings.text(`shutdown-on-${signal.toLowerCase()}`);
    void this.stop(signal, shutdownOptions(words));
  }

  /**
   * Stops the node in good order and ends the process; asked again, at once. Resolves when what is to be kept is on
   * disk. False when the disk does not take it: then the node goes on, and the log says why.
   */
  async stop(why: string, options: ShutdownOptions = {}): Promise<boolean> {
    if (this.isStopping) {
      this.log.warning(`${why} again: ending at once`);
      this.removePidFile();
      this.parts.exit(1);
      return true;
    }
    this.isStopping = true;
    this.log.info(`${why}: stopping`);
    try {
      await this.node.prepareStop(options);
    } catch (error) {
      if (!(error instanceof ShutdownRefused)) throw error;
      this.isStopping = false;
      return false;
    }
    this.end();
    return true;
  }

  /** Ends the node, and the process with it. */
  private end(): void {
    this.isStopping = true;
    this.queue(async () => {
      await this.node.stop();
      await this.leavePlace();
      this.log.info('Stopped');
      this.parts.exit(0);
    }).catch((error: unknown) => {
      this.log.error(`The stop failed: ${String(error)}`);
      this.parts.exit(1);
    });
  }

  /** Ends the node and starts another by the config as it now is. Rejects as `start` does. */
  restart(): Promise<void> {
    return this.queue(async () => {
      const loaded = await this.parts.load();
      this.refuseMove(loaded.settings);
      const [log, settings, configFile] = [this.log, this.read!, this.node.state.configFile];
      log.info('Restarting');
      for (const name of ['port', 'line-port']) this.foundPorts.set(name, this.node.state.settings.text(name));
      await this.node.prepareStop();
      await this.node.stop();
      try {
        this.openNode(loaded);
        await this.node.start();
      } catch (error) {
        if (!isExpected(error)) throw error;
        log.error(`The restart failed: ${error.message}; starting with the settings as they were`);
        this.openNode({ settings: copyOf(settings), configFile, sources: new Map(), warnings: [] });
        await this.node.start().catch((failure: unknown) => this.giveUp(failure));
        throw error;
      }
    });
  }

  /** Takes over what may change while the node runs, and says in lines what has changed. Rejects with ConfigError. */
  reload(isForced: boolean): Promise<string[]> {
    return this.queue(async () => {
      const { settings } = await this.parts.load();
      const running = this.node.state.settings;
      const read = this.read!;
      const shardLines = await this.node.cluster.reload(isForced).catch((error: unknown) => {
        throw forPeople(error);
      });
      const isChanged = (name: string): boolean => settings.text(name) !== read.text(name);
      const changed = settingSpecs.filter(({ name }) => !OF_THE_MAP.has(name) && isChanged(name));
      const mutable = changed.filter(mayChangeAtReload);
      try {
        running.setAll(mutable.map(({ name }) => [name, settings.text(name)]));
      } catch (error) {
        throw forPeople(error);
      }
      const settingLines = changed.map((spec) => {
        const { name, isSecret, hasNoEffect } = spec;
        const shown = (text: string): string => JSON.stringify(isSecret === true ? '***' : text);
        const [from, to] = [shown(read.text(name)), shown(settings.text(name))];
        const note = hasNoEffect === true ? ', which has no effect' : mayChangeAtReload(spec) ? '' : ', which needs a restart';
        return `${name}: ${from} is now ${to}${note}`;
      });
      // What needs a restart stays to be told at the next reload.
      for (const { name } of mutable) read.set(name, settings.text(name));
      for (const line of settingLines) this.log.info(`Reload: ${line}`);
      return [...shardLines, ...settingLines];
    });
  }

  /** Reloads for a signal or a changed file, and says in the log what has changed or why nothing has. */
  async reloadBecause(why: string): Promise<void> {
    try {
      const changes = await this.reload(false);
      const told = changes.length === 0 ? 'nothing has changed' : changes.join('; ');
      this.log.info(`${why}: the config was read again: ${told}`);
    } catch (error) {
      if (!isExpected(error)) throw error;
      this.log.warning(`${why}: everything stays as it was: ${error.message}`);
    }
  }

  /** Takes the node's folder: nobody else's node may run there. */
  private async takePlace({ settings }: Loaded): Promise<void> {
    const { place } = this;
    // With RELEASE_TMP and control-socket both given these are two.
    for (const folder of new Set([place.folder, dirname(place.socket)])) prepareFolder(folder);
    this.cookie = keptCookie(settings, place);
    const control = new ControlListener(this);
    await control.open(place);
    this.control = control;
    writeOwn(place.pidFile, `${process.pid}\n`);
  }

  private async leavePlace(): Promise<void> {
    if (this.control === undefined) return;
    this.removePidFile();
    await this.control.close();
  }

  private removePidFile(): void {
    if (this.control !== undefined) rmSync(this.place.pidFile, { force: true });
  }

  private openNode({ settings, warnings, configFile }: Loaded): void {
    const isLogKept = this.read?.text('logfile') === settings.text('logfile');
    if (!isLogKept) this.log = this.parts.openLog(settings, this.place);
    for (const warning of warnings) this.log.warning(warning);
    // The node writes into its settings, above all the port that it found.
    this.read = copyOf(settings);
    this.keepPorts(settings);
    const readAgain = async (): Promise<{ nodes: string; shards: string }> => {
      const read = (await this.parts.load()).settings;
      return { nodes: read.text('nodes'), shards: read.text('shards') };
    };
    try {
      this.node = new Node({ settings, log: this.log, configFile, readAgain });
    } catch (error) {
      throw forPeople(error);
    }
    this.node.onShutdownRequested = () => {
      this.log.info('SHUTDOWN: stopping');
      this.end();
    };
  }

  /** A node keeps its name and its place for as long as its process lives: others find it by them. */
  private refuseMove(settings: Settings): void {
    const { place } = this;
    const moved = placeOf(settings, this.parts.workFolder, this.parts.environment);
    if (moved.name === place.name && moved.socket === place.socket) return;
    throw new ConfigError('node and control-socket cannot change in a restart: stop the node and start it again');
  }

  /** A port that was found for `any` stays the same: clients come back to it. */
  private keepPorts(settings: Settings): void {
    for (const name of ['port', 'line-port']) {
      const found = this.foundPorts.get(name);
      if (settings.text(name) === 'any' && found !== undefined) settings.set(name, found);
    }
  }

  private giveUp(error: unknown): void {
    this.log.error(`The node cannot be started: ${String(error)}; ending`);
    this.removePidFile();
    this.parts.exit(1);
  }

  private queue<T>(task: () => Promise<T>): Promise<T> {
    const done = this.work.then(task);
    this.work = done.catch(() => undefined);
    return done;
  }
}

/** The settings that a node's shard map is made from: the cluster takes them over together. */
const OF_THE_MAP: ReadonlySet<string> = new Set(['nodes', 'shards']);

/** Where files lie changes with a restart only. */
function mayChangeAtReload({ isMutable, isProtected, hasNoEffect }: SettingSpec): boolean {
  return isMutable && isProtected !== true && hasNoEffect !== true;
}

function copyOf(settings: Settings): Settings {
  return new Settings(Object.fromEntries(settingSpecs.map(({ name }) => [name, settings.text(name)])));
}

function forPeople(error: unknown): unknown {
  return error instanceof SettingError ? new ConfigError(error.message) : error;
}

function isExpected(error: unknown): error is Error {
  return (
    error instanceof ConfigError || error instanceof ListenError || error instanceof PersistenceError ||
    error instanceof SettingError || error instanceof ShutdownRefused
  );
}
