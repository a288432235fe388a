/**
 * The heart: a small process that watches over a node in the background (HEART=true). The node says every second that
 * it is well, over the pipe between the two. When it ends without having been told to, or says nothing for too long,
 * the heart starts it again: at once the first time, later and later then, and after five failures in a row no more.
 *
 * What the heart does stands in the node's log. `stop` stops the node, which ends with exit code 0, and that ends the
 * heart; a SIGTERM to the heart stops the node.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, rmSync } from 'node:fs';
import { type Place, writeOwn } from './place.js';
import { Log } from '../util/log.js';

export const BEAT_MS = 1000;
/** A node that lived for so long counts as well: failures are counted anew. */
const WELL_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const FAILURES_MAX = 5;
/** So long a node that is to stop may take. */
const STOP_MS_MAX = 10_000;
/** The time without a beat is measured in so many steps, so that a machine that slept does not count as a hung node. */
const STEPS = 20;

/** What a node tells who started it. */
export type Message =
  | { kind: 'ready'; pid: number; heartPid: number }
  | { kind: 'failed'; text: string }
  | { kind: 'beat' };

export interface HeartParts {
  place: Place;
  /** The command that runs the node. */
  command: readonly string[];
  beatTimeoutMs: number;
  output: number;
  /** Tells who started the heart how the first start went. */
  tell: (message: Message) => void;
  exit: (code: number) => void;
}

export class Heart {
  private child: ChildProcess | undefined;
  private failures = 0;
  private startedAtMs = 0;
  private quietSteps = 0;
  private watch: NodeJS.Timeout | undefined;
  private pause: NodeJS.Timeout | undefined;
  private wasReady = false;
  private isStopping = false;
  /** Why the heart itself has ended the node. */
  private verdict: string | undefined;
  private readonly log: Log;

  constructor(private readonly parts: HeartParts) {
    this.log = new Log((line) => {
      try {
        appendFileSync(parts.place.logFile, line);
      } catch {
        // A full disk is no reason to give the node up.
      }
    });
  }

  start(): void {
    writeOwn(this.parts.place.heartFile, `${process.pid}\n`);
    this.watch = setInterval(() => this.step(), this.parts.beatTimeoutMs / STEPS);
    this.startNode();
  }

  /** Stops the node, by force if it does not stop, and ends. */
  stop(): void {
    if (this.isStopping) return;
    this.isStopping = true;
    clearTimeout(this.pause);
    const { child } = this;
    if (child?.exitCode !== null || child.signalCode !== null) return this.end(0);
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  }

  private startNode(): void {
    const [program, ...args] = this.parts.command;
    const { output } = this.parts;
    this.startedAtMs = performance.now();
    this.quietSteps = 0;
    this.verdict = undefined;
    const child = spawn(program!, args, { stdio: ['ignore', output, output, 'ipc'] });
    this.child = child;
    let failure: string | undefined;
    child.on('message', (message: Message) => {
      this.quietSteps = 0;
      if (message.kind === 'ready') this.onReady(message);
      if (message.kind === 'failed') failure = message.text;
    });
    child.once('exit', (code, signal) => this.onExit(code, signal, failure));
  }

  private onReady(message: Message): void {
    if (this.wasReady) this.log.info(`heart: ${this.parts.place.name} is ready again, process ${this.child!.pid}`);
    else this.parts.tell(message);
    this.wasReady = true;
  }

  private onExit(code: number | null, signal: string | null, failure: string | undefined): void {
    if (this.isStopping || code === 0) return this.end(0);
    const { name } = this.parts.place;
    const how = this.verdict ?? failure ?? (signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`);
    if (!this.wasReady) {
      this.parts.tell({ kind: 'failed', text: failure ?? `${name} did not start: ${how}, see ${this.parts.place.outputFile}` });
      return this.end(1);
    }
    if (performance.now() - this.startedAtMs > WELL_MS) this.failures = 0;
    this.failures++;
    if (this.failures > FAILURES_MAX) {
      this.log.error(`heart: ${name} failed again: ${how}; ${FAILURES_MAX} restarts in a row did not help, giving up`);
      return this.end(1);
    }
    const pauseMs = FIRST_PAUSE_MS * 2 ** (this.failures - 1);
    this.log.error(`heart: ${name} failed: ${how}; starting it again in ${pauseMs} ms (${this.failures} of ${FAILURES_MAX})`);
    this.pause = setTimeout(() => this.startNode(), pauseMs);
  }

  private step(): void {
    const { child } = this;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    this.quietSteps++;
    if (this.quietSteps < STEPS) return;
    this.verdict = `it did not give a sign for ${this.parts.beatTimeoutMs / 1000} s and was killed`;
    child.kill('SIGKILL');
  }

  private end(code: number): void {
    clearInterval(this.watch);
    rmSync(this.parts.place.heartFile, { force: true });
    this.parts.exit(code);
  }
}
