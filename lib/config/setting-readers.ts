/**
 * Readers for the settings whose values have a form of their own. Each gives the value as CONFIG GET prints it, or
 * refuses it with Redis's words. Source: the set*Config functions in redis's config.c.
 */
import { resolve } from 'node:path';
import { parseBytes, refuse } from './setting-value.js';

/** `save`: pairs of seconds and changes, for example `3600 1 300 100`; empty for none. */
export function readSavePoints(value: string): string {
  const words = value === '' ? [] : value.split(' ');
  const isRight = (word: string, i: number): boolean => /^\d+$/.test(word) && (i % 2 === 1 || Number(word) > 0);
  return words.length % 2 === 1 || !words.every(isRight) ? refuse("pairs of seconds and changes, or ''", 'Invalid save parameters') : words.map(Number).join(' ');
}

/** `dbfilename` and the like. An empty name is refused here, which redis-server takes and cannot write. */
export function readFileName(setting: string): (value: string) => string {
  return (value) => {
    const isName = value !== '' && value !== '.' && value !== '..' && !/[/\\]/.test(value);
    return isName ? value : refuse('a file name', `${setting} can't be a path, just a ${setting === 'appenddirname' ? 'dirname' : 'filename'}`);
  };
}

/** `dir` as a path from the root, as redis-server shows it; empty when there is none. */
export function showFolder(value: string): string {
  return value === '' ? '' : resolve(value);
}

/** The letters of `notify-keyspace-events` in the order in which they are printed. */
const ALL_CLASSES = 'g$lshzxetd';
const EVENT_LETTERS = `A${ALL_CLASSES}KEmn`;

/** `notify-keyspace-events`: which classes of events are published. `n` stands in front of the channels. */
export function readEventClasses(value: string): string {
  if (value.split('').some((letter) => !EVENT_LETTERS.includes(letter))) {
    refuse(`letters of ${EVENT_LETTERS}`, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
  }
  const has = (letter: string): boolean => value.includes(letter) || (value.includes('A') && ALL_CLASSES.includes(letter));
  const chosen = (letters: string): string => letters.split('').filter(has).join('');
  const classes = chosen(ALL_CLASSES);
  return (classes === ALL_CLASSES ? 'A' : classes) + chosen('nKEm');
}

/** Redis does not show `n` behind `A`, though it is in force. */
export function showEventClasses(value: string): string {
  return value.startsWith('A') ? value.replace('n', '') : value;
}

const CLIENT_CLASSES: Readonly<Record<string, string>> = {
  normal: 'normal', slave: 'slave', replica: 'slave', pubsub: 'pubsub',
};

/** `client-output-buffer-limit`: class, hard limit, soft limit and seconds, for each class that is to change. */
export function readOutputLimits(value: string, current: string): string {
  const limits = new Map<string, string>();
  const words = value.split(' ');
  const now = current.split(' ');
  for (let i = 0; i < now.length; i += 4) limits.set(now[i]!, now.slice(i + 1, i + 4).join(' '));
  const allowed = "'class hard-bytes soft-bytes soft-seconds', for one class or several";
  if (words.length % 4 !== 0) refuse(allowed, 'Wrong number of arguments in buffer limit configuration.');
  for (let i = 0; i < words.length; i += 4) {
    const kind = CLIENT_CLASSES[words[i]!.toLowerCase()];
    if (kind === undefined) return refuse(allowed, 'Invalid client class specified in buffer limit configuration.');
    const [hard, soft] = [parseBytes(words[i + 1]!), parseBytes(words[i + 2]!)];
    if (Number.isNaN(hard + soft) || !/^\d+$/.test(words[i + 3]!)) {
      refuse(allowed, 'Error in hard, soft or soft_seconds setting in buffer limit configuration.');
    }
    limits.set(kind, `${hard} ${soft} ${Number(words[i + 3])}`);
  }
  return [...limits].map(([kind, limit]) => `${kind} ${limit}`).join(' ');
}

/** `latency-tracking-info-percentiles`: numbers from 0 to 100. */
export function readPercentiles(value: string): string {
  const words = value.split(' ').filter((word) => word !== '');
  const allowed = 'numbers from 0 to 100, parted by blanks';
  const numbers = words.map(Number);
  if (numbers.some(Number.isNaN)) refuse(allowed, 'Invalid latency-tracking-info-percentiles parameters');
  if (numbers.some((number) => number < 0 || number > 100)) {
    refuse(allowed, 'latency-tracking-info-percentiles parameters should sit between [0.0,100.0]');
  }
  return numbers.join(' ');
}

/** `maxmemory-clients`: bytes, or a share of maxmemory such as `5%`. */
export function readShareOrBytes(value: string): string {
  const percent = /^(\d+)%$/.exec(value)?.[1];
  const allowed = 'a number of bytes or a percentage';
  if (percent === undefined) {
    const bytes = parseBytes(value);
    return Number.isNaN(bytes) ? refuse(allowed, 'argument must be a memory or percent value') : String(bytes);
  }
  if (Number(percent) > 100) refuse(allowed, 'percentage argument must be less or equal to 100');
  return `${Number(percent)}%`;
}

const SHUTDOWN_WORDS = ['default', 'save', 'nosave', 'now', 'force'];

/** `shutdown-on-sigterm`: the words of SHUTDOWN. */
export function readShutdownOptions(value: string): string {
  const words = value.toLowerCase().split(' ').filter((word) => word !== '');
  const list = SHUTDOWN_WORDS.join(', ');
  if (words.length === 0 || words.some((word) => !SHUTDOWN_WORDS.includes(word))) {
    refuse(`words of ${list}`, `argument(s) must be one of the following: ${list}`);
  }
  if (words.includes('save') && words.includes('nosave')) {
    refuse('save or nosave, not both', "shutdown options SAVE and NOSAVE can't be used simultaneously");
  }
  const chosen = SHUTDOWN_WORDS.slice(1).filter((word) => words.includes(word));
  return chosen.length === 0 ? 'default' : chosen.join(' ');
}
