/** Makes one file of the program and the packages it needs, so that a release has no node_modules. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { importDefault } from './definitions.js';

const ENTRY = new URL('../../../lib/cli/main.ts', import.meta.url).pathname;
const BUILD_CONFIG = 'config/build.js';

/** Some packages are CommonJS and ask for Node's modules with `require`, which a module does not have. */
const REQUIRE = [
  "import { createRequire as createRequireOfBundle } from 'node:module';",
  'const require = createRequireOfBundle(import.meta.url);',
].join('\n');

/** Writes the program to `outfile`, with the options that the project's config/build.js gives. */
export async function bundleProgram(folder: string, outfile: string): Promise<void> {
  const own = existsSync(join(folder, BUILD_CONFIG)) ? await importDefault(folder, BUILD_CONFIG) : {};
  await build({
    target: 'node20',
    banner: { js: REQUIRE },
    logLevel: 'warning',
    ...(own as BuildOptions),
    entryPoints: [ENTRY],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
}
