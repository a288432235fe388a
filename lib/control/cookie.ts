/**
 * The cookie that an operator's verb proves to the node: the setting `cookie` where it is set (in a release bin/NAME
 * gives it, in RELEASE_COOKIE), or else what the cookie file holds. In a checkout the first start makes the file.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { ControlError, type Place, reasonOf, refuseOpenSecret, writeOwn } from './place.js';
import type { Settings } from '../config/settings.js';
import { ConfigError } from '../config/sources.js';

/** The cookie of a node that starts; one is made when there is none. Throws ConfigError. */
export function keptCookie(settings: Settings, place: Place): string {
  const known = cookieOf(settings, place);
  if (known !== undefined) return known;
  const made = randomBytes(24).toString('base64url');
  writeOwn(place.cookieFile, `${made}\n`);
  return made;
}

/** The cookie to prove. Throws ControlError when there is none, ConfigError when others may read its file. */
export function cookieToProve(settings: Settings, place: Place): string {
  const known = cookieOf(settings, place);
  if (known !== undefined) return known;
  throw new ControlError(`${place.name} is not running: no node was ever started with its folder ${place.folder}`);
}

function cookieOf(settings: Settings, place: Place): string | undefined {
  const set = settings.text('cookie');
  if (set !== '') return set;
  if (!existsSync(place.cookieFile)) return undefined;
  refuseOpenSecret(place.cookieFile);
  return readCookie(place.cookieFile);
}

function readCookie(file: string): string {
  try {
    const cookie = readFileSync(file, 'utf8').trim();
    if (cookie !== '') return cookie;
  } catch (error) {
    throw new ConfigError(`the cookie file ${file} cannot be read: ${reasonOf(error)}`);
  }
  throw new ConfigError(`the cookie file ${file} is empty: write a cookie into it, or remove it`);
}
