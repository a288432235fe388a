/**
 * Gives a buffer's memory back to the system now. Left to the garbage collector it would stay for as long as nothing is
 * allocated: after FLUSHALL an idle node held all that it had freed.
 *
 * JavaScript has no word for it, but a buffer can be transferred to another thread through a message port. Sent to a
 * port that is closed it goes nowhere, and its memory is freed at once.
 */
import { MessageChannel } from 'node:worker_threads';

/** Freeing takes about 60 us a megabyte; what is larger is left to the collector, which frees on its own thread. */
const BYTES_MAX = 16 * 2 ** 20;

const { port1: closedPort } = new MessageChannel();
closedPort.close();

/** The buffer, which must be the only one over its memory, is empty afterwards. Large ones are only let go of. */
export function releaseMemory(buffer: Buffer): void {
  if (buffer.length <= BYTES_MAX) closedPort.postMessage(undefined, [buffer.buffer as ArrayBuffer]);
}
