/** The version of this package, as its package.json says it. */
import { existsSync, readFileSync } from 'node:fs';

export function packageVersion(): string {
  let folder = new URL('..', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) folder = new URL('..', folder);
  const { version } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { version: string };
  return version;
}
