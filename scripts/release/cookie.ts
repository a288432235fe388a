/**
 * The cookie of a project's releases: the secret by which their nodes know each other. It is made once, so that a
 * rebuilt release still talks to those that run, and it is one for all releases, so that they talk at all. It lies
 * outside of dist/, which people empty, and outside of version control.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = '.release-cookie';

/** The cookie of the project in `folder`, which is made now if there is none. */
export function projectCookie(folder: string): string {
  const path = join(folder, FILE);
  if (!existsSync(path)) writeFileSync(path, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  return readFileSync(path, 'utf8').trim();
}
