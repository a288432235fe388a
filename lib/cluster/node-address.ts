/**
 * Where nodes are found: the setting `nodes`, a name and an address for each. `foo=localhost:16379` and
 * `foo=unix:/path` are nodes of Pigeonhole, `foo=redis://user:password@host:port` is a plain Redis or Valkey server.
 */
import { ShardMapError } from './range.js';

export interface NodeAddress {
  kind: 'pigeonhole' | 'redis';
  /** For messages: without the password. */
  shown: string;
  host?: string;
  port?: number;
  path?: string;
  user?: string;
  password?: string;
}

/** Reads the setting `nodes`. Throws ShardMapError. */
export function parseNodes(text: string): Map<string, NodeAddress> {
  const nodes = new Map<string, NodeAddress>();
  for (const entry of text.split(',').map((each) => each.trim())) {
    if (entry === '') continue;
    const equals = entry.indexOf('=');
    const name = (equals < 0 ? entry : entry.slice(0, equals)).trim();
    if (!/^[\w.-]+$/.test(name)) {
      throw new ShardMapError(`nodes: '${withoutPassword(entry)}' has no name: write name=host:port, the name of letters, digits, . _ -`);
    }
    if (nodes.has(name)) throw new ShardMapError(`nodes: '${name}' stands there twice: keep one of the two`);
    nodes.set(name, parseAddress(name, equals < 0 ? '' : entry.slice(equals + 1).trim()));
  }
  return nodes;
}

function parseAddress(name: string, text: string): NodeAddress {
  if (text === '') {
    throw new ShardMapError(`nodes: '${name}' has no address: write '${name}=host:port', '${name}=unix:/path' or '${name}=redis://host:port'`);
  }
  if (text.startsWith('unix:')) return { kind: 'pigeonhole', shown: text, path: text.slice('unix:'.length) };
  if (/^rediss?:/.test(text)) return parseRedisAddress(name, text);
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d+)$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65535) {
    throw new ShardMapError(`nodes: '${name}=${withoutPassword(text)}' is not an address: write host:port, unix:/path or redis://host:port`);
  }
  return { kind: 'pigeonhole', shown: text, host: match[1] ?? match[2]!, port };
}

function parseRedisAddress(name: string, text: string): NodeAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'redis:' || url.hostname === '') {
    throw new ShardMapError(`nodes: '${name}=${withoutPassword(text)}' is not an address: write redis://user:password@host:port`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 6379 : Number(url.port);
  const address: NodeAddress = { kind: 'redis', shown: `redis://${url.hostname}:${port}`, host, port };
  if (url.password !== '') address.password = decodeURIComponent(url.password);
  if (url.username !== '') address.user = decodeURIComponent(url.username);
  return address;
}

function withoutPassword(text: string): string {
  return text.replace(/\/\/[^@/]*@/, '//***@');
}
