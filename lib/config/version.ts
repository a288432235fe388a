/** The versions that a node tells its clients. */
import { createRequire } from 'node:module';

/** The Redis whose commands and replies are ours; clients choose what they send by it. */
export const REDIS_VERSION = '7.0.15';

const manifest = createRequire(import.meta.url)('../../../package.json') as { version: string };

export const PIGEONHOLE_VERSION = manifest.version;
