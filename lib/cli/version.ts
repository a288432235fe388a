/** `pigeonhole version`: the version of the package, without starting anything. */
import type { CommandModule } from 'yargs';
import { packageVersion } from '../util/package-version.js';

export const version: CommandModule = {
  command: 'version',
  describe: 'Print the version',
  handler: () => console.log(`pigeonhole ${packageVersion()}`),
};
