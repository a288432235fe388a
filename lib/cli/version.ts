/** `pigeonhole version`: the version of the package, or of the release, without starting anything. */
import type { CommandModule } from 'yargs';
import { packageVersion } from '../util/package-version.js';

export const version: CommandModule = {
  command: 'version',
  describe: 'Print the name and the version',
  handler: () => console.log(`${process.env.RELEASE_NAME ?? 'pigeonhole'} ${process.env.RELEASE_VSN ?? packageVersion()}`),
};
