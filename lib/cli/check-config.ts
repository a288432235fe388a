/**
 * `pigeonhole check-config`: the settings that a start with the same flags would have, and where each comes from. Those
 * without an effect are left out unless they are given.
 */
import type { CommandModule } from 'yargs';
import { loadRequest, withSettings } from './flags.js';
import { loadSettings } from '../config/load.js';
import { planShards } from '../cluster/plan.js';
import { SettingError, type Settings, settingSpecs } from '../config/settings.js';
import { ConfigError } from '../config/sources.js';

export const checkConfig: CommandModule<object, Record<string, unknown>> = {
  command: 'check-config',
  describe: 'Print the settings in force and where each comes from; exit 1 if one is wrong',
  builder: withSettings,
  handler: async (flags) => {
    const { settings, sources, warnings } = await loadSettings(loadRequest(flags));
    checkShards(settings);
    for (const warning of warnings) console.error(`pigeonhole: ${warning}`);
    const shown = settingSpecs.filter(({ name, hasNoEffect }) => hasNoEffect !== true || sources.has(name));
    const rows = shown.map(({ name, isSecret }) => {
      const value = settings.text(name);
      return [name, isSecret && value !== '' ? '***' : JSON.stringify(value).slice(1, -1), sources.get(name) ?? 'built in'];
    });
    const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
    for (const [name, value, source] of rows) {
      console.log(`${name!.padEnd(widths[0]!)}  ${value!.padEnd(widths[1]!)}  ${source}`);
    }
  },
};

/** Throws ConfigError when the settings of the cluster do not fit each other. */
function checkShards(settings: Settings): void {
  try {
    planShards((name) => settings.text(name));
  } catch (error) {
    throw error instanceof SettingError ? new ConfigError(error.message) : error;
  }
}
