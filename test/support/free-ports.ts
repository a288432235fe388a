/** Ports that nobody listens on, for tests in which several processes must agree on one. */
import { once } from 'node:events';
import { type AddressInfo, type Server, createServer } from 'node:net';

/** `count` different free ports of the loopback interface. Another process may take one before it is used. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  for (let i = 0; i < count; i++) {
    const server = createServer().listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
  }
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
