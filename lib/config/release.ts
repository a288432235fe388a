/**
 * What a release (a folder made by scripts/build-release) tells the program in it. Its bin/NAME sets the variables, and
 * env.sh in the release may change them. Read by whoever loads the settings; a checkout has none of them.
 *
 * | variable             | means                                                       |
 * | -------------------- | ----------------------------------------------------------- |
 * | `RELEASE_ROOT`       | the folder of the release; without it there is no release;  |
 * |                      | `data` in it is what the setting `dir` is unless it is set  |
 * | `RELEASE_NAME`       | the name in config/releases.js                              |
 * | `RELEASE_VSN`        | the version that runs                                       |
 * | `RELEASE_NODE`       | the node's name, the setting `node`                         |
 * | `RELEASE_COOKIE`     | the setting `cookie`                                        |
 * | `RELEASE_CONFIG`     | the config file                                             |
 * | `RELEASE_NODE_FLAGS` | what node.args says, for a node in the background           |
 * | `RELEASE_LISTENERS`  | the listeners of this slice: `client`, `line`, `peer`       |
 */
import { join } from 'node:path';
import { Settings } from './settings.js';
import type { Given } from './sources.js';
import { fileNameOf } from '../util/file-name.js';

/** The setting that opens each listener. */
const PORT_OF_LISTENER: Readonly<Record<string, string>> = { client: 'port', line: 'line-port', peer: 'peer-port' };

export const LISTENERS: readonly string[] = Object.keys(PORT_OF_LISTENER);

/** The environment's name in a release that is not told another. */
export const RELEASE_ENV = 'prod';

/**
 * What holds in a release before any other source speaks: its data lies in its own folder, so that it is found again
 * from wherever the node is started, and releases that are started in one folder keep apart.
 */
export function releaseDefaults(environment: NodeJS.ProcessEnv): Given[] {
  const { RELEASE_ROOT: root, RELEASE_NAME: name, RELEASE_NODE: node = name } = environment;
  if (root === undefined) return [];
  // One release may run as several nodes, of different names.
  const folder = node === undefined || node === name ? 'data' : join('data', fileNameOf(node));
  return [{ name: 'dir', value: join(root, folder), source: 'RELEASE_ROOT' }];
}

/**
 * The port settings that stay 0 because the release is a slice without these listeners. They are laid over every other
 * source: one runtime.js then serves all slices, and a storage node never opens a client port by accident.
 */
export function closedPorts(environment: NodeJS.ProcessEnv): Given[] {
  const listeners = environment.RELEASE_LISTENERS;
  if (environment.RELEASE_ROOT === undefined || listeners === undefined) return [];
  const open = listeners.split(' ');
  const source = `the release ${environment.RELEASE_NAME ?? ''} has no such listener`;
  const closed = Object.entries(PORT_OF_LISTENER).filter(([listener]) => !open.includes(listener));
  return closed.filter(([, name]) => Settings.spec(name) !== undefined).map(([, name]) => ({ name, value: '0', source }));
}
