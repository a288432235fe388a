/**
 * Targets: what a test can send requests to. Rows and generated commands run against any of them, and the replies of
 * two can be compared.
 */
import { REFERENCE_VERSION, installedReference, startReference } from './reference.js';
import { Settings } from '../../lib/config/settings.js';
import { Node } from '../../lib/server.js';
import { silentLog } from '../../lib/util/log.js';

export interface Running {
  port: number;
  stop(): Promise<void>;
}

export interface Target {
  name: string;
  isAvailable: boolean;
  start(): Promise<Running>;
}

/** A node of ours in this process, on a port that the system chose. */
export async function startNode(settings: Readonly<Record<string, string>> = {}): Promise<Node> {
  const node = new Node({ settings: new Settings({ port: '0', 'line-port': '0', ...settings }), log: silentLog });
  await node.start();
  return node;
}

export const oneNode: Target = { name: 'a node', isAvailable: true, start: () => startNode() };

export const reference: Target = {
  name: 'redis-server',
  isAvailable: installedReference() === REFERENCE_VERSION,
  start: () => startReference(),
};

/** Why the tests that need the reference are skipped; undefined when it is there. */
export const whyNoReference = reference.isAvailable
  ? undefined
  : `redis-server ${REFERENCE_VERSION} is not installed; tests that ask it are skipped`;
