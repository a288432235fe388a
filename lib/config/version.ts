/** The versions that a node tells its clients. */
import { packageVersion } from '../util/package-version.js';

/** The Redis whose commands and replies are ours; clients choose what they send by it. */
export const REDIS_VERSION = '7.0.15';

export const PIGEONHOLE_VERSION = packageVersion();
