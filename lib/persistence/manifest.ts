/**
 * The manifest: which files the log is made of, and in which order they are loaded. It is a text file in the log's
 * folder, in the form of Redis 7, a line each:
 *
 *     file appendonly.aof.2.base.rdb seq 2 type b
 *     file appendonly.aof.5.incr.aof seq 5 type i
 *
 * At most one base (b): the whole state at one moment. Any number of increments (i): what has changed since, in the
 * order of their numbers. What a rewrite has made needless is history (h) until it is removed. A manifest is replaced
 * as a whole, by renaming; so a folder is always in the state before a rewrite or in the one after it.
 * Source: aof.c, "AOF manifest file implementation".
 */

export interface LogFileEntry {
  name: string;
  sequence: number;
}

/** A manifest that is not what it should be. */
export class ManifestError extends Error {}

const LINE_BYTES_MAX = 1024;

export class Manifest {
  base: LogFileEntry | undefined;
  increments: LogFileEntry[] = [];
  history: LogFileEntry[] = [];

  /** `prefix` is the setting appendfilename. */
  constructor(readonly prefix: string) {}

  static fileName(prefix: string): string {
    return `${prefix}.manifest`;
  }

  /** Throws ManifestError, which names the line. */
  static parse(prefix: string, text: string): Manifest {
    const manifest = new Manifest(prefix);
    if (text === '') throw new ManifestError('Found an empty AOF manifest');
    const lines = text.split('\n');
    if (lines.pop() !== '') throw new ManifestError(`line ${lines.length + 1} is cut short`);
    lines.forEach((line, index) => {
      try {
        manifest.parseLine(line);
      } catch (error) {
        if (error instanceof ManifestError) throw new ManifestError(`line ${index + 1}, '${line}': ${error.message}`);
        throw error;
      }
    });
    if (manifest.files.length === 0 && manifest.history.length === 0) throw new ManifestError('it names no file');
    return manifest;
  }

  private parseLine(line: string): void {
    if (line.startsWith('#')) return;
    if (line.length >= LINE_BYTES_MAX) throw new ManifestError('the line is too long');
    const words = wordsOf(line);
    if (words.length < 6 || words.length % 2 === 1) throw new ManifestError('pairs of words are wanted');
    const pairs = new Map<string, string>();
    for (let i = 0; i < words.length; i += 2) pairs.set(words[i]!.toLowerCase(), words[i + 1]!);
    const [name, sequenceText, type] = [pairs.get('file'), pairs.get('seq'), pairs.get('type')];
    if (name === undefined || sequenceText === undefined || type === undefined) {
      throw new ManifestError('file, seq and type are wanted');
    }
    if (/[/\\]/.test(name) || name === '') throw new ManifestError('File can\'t be a path, just a filename');
    const sequence = Number(sequenceText);
    if (!Number.isSafeInteger(sequence) || sequence < 1) throw new ManifestError('seq is no whole number above 0');
    this.add({ name, sequence }, type);
  }

  private add(entry: LogFileEntry, type: string): void {
    if (type === 'b') {
      if (this.base !== undefined) throw new ManifestError('Found duplicate base file information');
      this.base = entry;
    } else if (type === 'i') {
      const last = this.increments.at(-1);
      if (last !== undefined && last.sequence >= entry.sequence) {
        throw new ManifestError('Found a non-monotonic sequence number');
      }
      this.increments.push(entry);
    } else if (type === 'h') this.history.push(entry);
    else throw new ManifestError('Unknown AOF file type');
  }

  /** As the file has it. */
  text(): string {
    const line = (type: string) => ({ name, sequence }: LogFileEntry): string =>
      `file ${quoted(name)} seq ${sequence} type ${type}\n`;
    const base = this.base === undefined ? [] : [this.base];
    return [...base.map(line('b')), ...this.history.map(line('h')), ...this.increments.map(line('i'))].join('');
  }

  copy(): Manifest {
    const copy = new Manifest(this.prefix);
    copy.base = this.base;
    copy.increments = [...this.increments];
    copy.history = [...this.history];
    return copy;
  }

  /** The files to be loaded, in order. */
  get files(): LogFileEntry[] {
    return [...(this.base === undefined ? [] : [this.base]), ...this.increments];
  }

  /** Adds the next increment and gives it. */
  addIncrement(): LogFileEntry {
    const sequence = (this.increments.at(-1)?.sequence ?? 0) + 1;
    const entry = { name: `${this.prefix}.${sequence}.incr.aof`, sequence };
    this.increments.push(entry);
    return entry;
  }

  /** The base that a rewrite makes next. */
  nextBase(form: 'aof' | 'rdb'): LogFileEntry {
    const sequence = (this.base?.sequence ?? 0) + 1;
    return { name: `${this.prefix}.${sequence}.base.${form}`, sequence };
  }

  /** Puts `base` in the place of the base and of all increments before `first`, which become history. */
  replaceBase(base: LogFileEntry, first: LogFileEntry): void {
    const isOld = ({ sequence }: LogFileEntry): boolean => sequence < first.sequence;
    if (this.base !== undefined) this.history.push(this.base);
    this.history.push(...this.increments.filter(isOld));
    this.increments = this.increments.filter((entry) => !isOld(entry));
    this.base = base;
  }
}

/** A name with blanks or quotes stands in double quotes. */
function quoted(name: string): string {
  if (!/[\s"'\\]|[^\x20-\x7e]/.test(name)) return name;
  return `"${name.replace(/["\\]/g, (char) => `\\${char}`)}"`;
}

function wordsOf(line: string): string[] {
  const words = line.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? [];
  return words.map((word) => (word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word));
}
