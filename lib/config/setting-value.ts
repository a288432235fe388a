/**
 * What a setting's record says, and how a value that a person wrote becomes the value that is kept. Settings.set and so
 * every source of settings comes through here.
 */

export type SettingKind = 'integer' | 'bytes' | 'flag' | 'choice' | 'text' | 'list';

export interface SettingSpec {
  name: string;
  /** Names that the setting has had; CONFIG GET and SET know them too. */
  aliases?: readonly string[];
  kind: SettingKind;
  /** As CONFIG GET prints it. */
  initial: string;
  /** For integer and bytes. */
  min?: number;
  max?: number;
  /** For choice. */
  choices?: readonly string[];
  /** For integer and bytes: a word that is allowed besides numbers. */
  word?: string;
  /** For a value with a form of its own: gives it as CONFIG GET prints it, or throws a Refusal. */
  read?: (value: string, current: string) => string;
  /** The value as CONFIG GET prints it, where that says less. */
  show?: (value: string) => string;
  /** As a flag on the command line it may stand without a value, and means yes then. */
  standsAlone?: boolean;
  /** Whether CONFIG SET may change it while the node runs. */
  isMutable: boolean;
  /** CONFIG SET may change it only with `enable-protected-configs`. */
  isProtected?: boolean;
  /** Taken for the sake of Redis's tools only. */
  hasNoEffect?: boolean;
  /** Not shown in logs, errors and check-config. */
  isSecret?: boolean;
  /** One sentence for the README and --help. */
  sentence: string;
}

export const KIB = 2 ** 10;
export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

/** A wrong value for a setting; the message names the setting, the value and what is allowed. */
export class SettingError extends Error {
  constructor(
    readonly setting: string,
    message: string,
    /** What CONFIG SET says, in Redis's words. */
    readonly reason = message,
  ) {
    super(message);
  }
}

/** Why a value is refused: for people who write a config file, and in Redis's words. */
class Refusal extends Error {
  constructor(
    readonly allowed: string,
    readonly reason: string,
  ) {
    super(reason);
  }
}

/** For `SettingSpec.read`: refuses a value. `allowed` completes "it must be". */
export function refuse(allowed: string, reason: string): never {
  throw new Refusal(allowed, reason);
}

/** The value as CONFIG GET prints it. `current` is the one in force. Throws SettingError. */
export function normalise(spec: SettingSpec, value: string, current: string): string {
  try {
    return spec.read === undefined ? readKind(spec, value) : spec.read(value, current);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const shown = spec.isSecret === true ? '***' : value;
    throw new SettingError(spec.name, `${spec.name}: '${shown}' is not allowed, it must be ${error.allowed}`, error.reason);
  }
}

function readKind(spec: SettingSpec, value: string): string {
  const { kind, choices = [] } = spec;
  if (value === spec.word) return value;
  switch (kind) {
    case 'integer':
      return readInteger(spec, value);
    case 'bytes':
      return readLimited(spec, parseBytes(value), 'argument must be a memory value');
    case 'flag':
      return /^(yes|no)$/i.test(value) ? value.toLowerCase() : refuse("'yes' or 'no'", "argument must be 'yes' or 'no'");
    case 'choice': {
      const word = value.toLowerCase();
      const list = choices.join(', ');
      return choices.includes(word) ? word : refuse(`one of ${list}`, `argument(s) must be one of the following: ${list}`);
    }
    case 'text':
    case 'list':
      return value;
  }
}

function readInteger(spec: SettingSpec, value: string): string {
  const number = /^(-?[1-9]\d*|0)$/.test(value) ? Number(value) : NaN;
  return readLimited(spec, number, "argument couldn't be parsed into an integer");
}

/** Redis's own limits are those of int64; a number is whole up to 2 ** 53, which no setting comes near. */
function readLimited(spec: SettingSpec, number: number, notANumber: string): string {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, word } = spec;
  const allowed = `a whole number from ${min} to ${max}${word === undefined ? '' : `, or ${word}`}`;
  if (Number.isNaN(number)) return refuse(allowed, notANumber);
  const shownMax = max === Number.MAX_SAFE_INTEGER ? '9223372036854775807' : String(max);
  if (number < min || number > max) return refuse(allowed, `argument must be between ${min} and ${shownMax} inclusive`);
  return String(number);
}

const UNITS: Record<string, number> = {
  '': 1, b: 1, k: 1000, kb: KIB, m: 1000 ** 2, mb: MIB, g: 1000 ** 3, gb: GIB,
};

/** An amount of memory, `64mb` or `1g`, in bytes; NaN when it is none. */
export function parseBytes(value: string): number {
  const [, digits, unit] = /^(\d+)([a-z]*)$/i.exec(value) ?? [];
  const factor = unit === undefined ? undefined : UNITS[unit.toLowerCase()];
  return factor === undefined ? NaN : Number(digits) * factor;
}
