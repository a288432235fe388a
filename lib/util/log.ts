/** The log: lines such as `16:58:58.508 [info] Ready to accept connections`. */

export type LogLevel = 'debug' | 'info' | 'warning' | 'error';
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warning', 'error'];

/** Redis's levels, as `loglevel` has them: what it says at `verbose` and `notice` is said at `info` here. */
export const LEAST_LEVELS: Readonly<Record<string, LogLevel>> = {
  debug: 'debug', verbose: 'info', notice: 'info', warning: 'warning',
};

export class Log {
  constructor(
    private readonly write: (line: string) => void = (line) => process.stdout.write(line),
    /** Lines below this level are left out. */
    public least: LogLevel = 'info',
  ) {}

  debug(text: string): void {
    this.line('debug', text);
  }

  info(text: string): void {
    this.line('info', text);
  }

  warning(text: string): void {
    this.line('warning', text);
  }

  error(text: string): void {
    this.line('error', text);
  }

  private line(level: LogLevel, text: string): void {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(this.least)) return;
    this.write(`${timeOfDay(new Date())} [${level}] ${text}\n`);
  }
}

/** A log that says nothing, for embedding. */
export const silentLog = new Log(() => undefined);

function timeOfDay(date: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}
