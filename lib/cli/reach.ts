/** Reaches the node that runs, for the verbs that ask it something. */
import type { Argv, CommandModule } from 'yargs';
import { loadRequest, withPlace } from './flags.js';
import { apply, loadSettings } from '../config/load.js';
import type { Settings } from '../config/settings.js';
import { ConfigError, fromEnvironment, fromObject } from '../config/sources.js';
import { ControlClient } from '../control/control-client.js';
import { cookieToProve } from '../control/cookie.js';
import { ControlError, type Place, placeOf } from '../control/place.js';

export interface Target {
  place: Place;
  settings: Settings;
}

/** The place of the node that the flags lead to. A config that cannot be read is no reason not to find it. */
export async function findTarget(flags: Readonly<Record<string, unknown>>): Promise<Target> {
  const request = loadRequest(flags);
  let settings: Settings;
  try {
    ({ settings } = await loadSettings(request));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(`the config is left aside: ${error.message}`);
    ({ settings } = apply([...fromEnvironment(process.env, new Map()), ...fromObject(request.flags ?? {}, 'flag')]));
  }
  return { settings, place: placeOf(settings, process.cwd(), process.env) };
}

/** Connects to a node. Rejects with ControlError, ConfigError. */
export async function reach({ place, settings }: Target): Promise<ControlClient> {
  if (place.socket === '') throw new ControlError('control-socket is empty: the node cannot be reached');
  return ControlClient.connect(place, cookieToProve(settings, place));
}

/** A verb that asks the running node, prints something and is done. */
export function asking(
  command: string,
  describe: string,
  ask: (client: ControlClient, flags: Record<string, unknown>) => Promise<void>,
  withMore: (command: Argv) => Argv = (command) => command,
): CommandModule<object, Record<string, unknown>> {
  return {
    command,
    describe,
    builder: (yargs) => withMore(withPlace(yargs)),
    handler: async (flags) => {
      const client = await reach(await findTarget(flags));
      try {
        await ask(client, flags);
      } finally {
        client.close();
      }
    },
  };
}
