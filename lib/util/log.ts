/** The log: lines such as `16:58:58.508 [info] Ready to accept connections`. */

export type LogLevel = 'debug' | 'info' | 'notice' | 'warning' | 'error';
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'notice', 'warning', 'error'];

export class Log {
  constructor(
    private readonly write: (line: string) => void = (line) => process.stdout.write(line),
    private readonly least: LogLevel = 'info',
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
