/**
 * A crowd: many connections to one port, in a process of its own. Each sends one request when it comes, and listens.
 * Given the port, the number of connections, and the request as JSON. Says `ready` when all have sent it, and, for each
 * message `{ bytes }`, when all together have got so many bytes more (`atMs`, since the epoch).
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { encode } from '../../test/support/raw-client.js';

const [port, count, request] = JSON.parse(process.argv[2]!) as [number, number, string[]];
/** So many connect at a time. */
const TOGETHER = 100;

const buffer = Buffer.allocUnsafeSlow(64 * 1024);
let owedBytes = 0;
let isExpecting = false;

function listen(length: number): boolean {
  owedBytes -= length;
  tell();
  return true;
}

function tell(): void {
  if (!isExpecting || owedBytes > 0) return;
  isExpecting = false;
  process.send!({ atMs: performance.timeOrigin + performance.now() });
}

async function come(): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', onread: { buffer, callback: listen } });
  await once(socket, 'connect');
  socket.write(encode(request));
}

process.on('message', ({ bytes }: { bytes: number }) => {
  owedBytes += bytes;
  isExpecting = true;
  tell();
});
process.once('disconnect', () => process.exit());

for (let i = 0; i < count; i += TOGETHER) {
  await Promise.all(Array.from({ length: Math.min(TOGETHER, count - i) }, come));
}
process.send!('ready');
