/** A consumer of the queue `{pear}`, for tests in which consumers, links and nodes are lost at any moment. */
import { setTimeout as delay } from 'node:timers/promises';
import { RawClient } from './raw-client.js';

/** The bulk strings in a reply. */
export function textsIn(reply: string): string[] {
  return [...reply.matchAll(/\$\d+\r\n([^\r]*)\r\n/g)].map(([, text]) => text!);
}

/** A consumer that has what it works at in a list of its own, so that it can be lost at any moment. */
export class QueueWorker {
  private client: RawClient | undefined;

  constructor(
    private readonly port: number,
    private readonly own: string,
    private readonly isOver: () => boolean,
  ) {}

  /** Ends its connection, as if the process had been killed. */
  kill(): void {
    this.client?.close();
  }

  async work(): Promise<void> {
    while (!this.isOver()) {
      try {
        this.client = await RawClient.connect(this.port);
        await this.recover();
        while (!this.isOver()) await this.doOne();
      } catch {
        await delay(20);
      }
      this.client?.close();
    }
  }

  private async ask(request: string): Promise<string> {
    const reply = await this.client!.ask(request);
    if (reply.startsWith('-') || reply.endsWith('<closed>')) throw new Error(reply);
    return reply;
  }

  /** What it had begun before goes back into the queue. */
  private async recover(): Promise<void> {
    while ((await this.ask(`LMOVE ${this.own} {pear} RIGHT LEFT`)) !== '$-1\r\n');
  }

  private async doOne(): Promise<void> {
    const [job] = textsIn(await this.ask(`BLMOVE {pear} ${this.own} LEFT LEFT 0.2`));
    if (job === undefined) return this.recover();
    // Done and out of the list at once, and only if nobody has put it back meanwhile.
    await this.ask(`WATCH ${this.own}`);
    if (!textsIn(await this.ask(`LRANGE ${this.own} 0 -1`)).includes(job)) {
      await this.ask('UNWATCH');
      return;
    }
    await this.ask('MULTI');
    await this.ask(`LREM ${this.own} 1 ${job}`);
    await this.ask(`RPUSH {pear}done ${job}`);
    await this.ask('EXEC');
  }
}
