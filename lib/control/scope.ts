/**
 * A scope: where the expressions of `remote`, `rpc` and `eval` are evaluated, and what they see. Each shell has one of
 * its own, so that its variables are not another's, and all of them see the same node.
 *
 * The evaluation is V8's own, as in the console of its inspector: top-level await, and `const` that may be said again.
 * Node's REPL would do it too, but it loads the module `domain`, which from then on makes every event of the process
 * slower. So the REPL runs where its terminal is, and only what it evaluates comes here.
 */
import { Session as Inspector, type Runtime } from 'node:inspector';
import { createRequire } from 'node:module';
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { createContext } from 'node:vm';
import type { Node } from '../server.js';

/** What has become of an expression. */
export interface Outcome {
  /** `incomplete`: it may become an expression when more is typed. */
  kind: 'value' | 'nothing' | 'error' | 'incomplete';
  /** The value or the error, as util.inspect shows it. */
  text: string;
}

/** How values are to be shown. */
export interface Showing {
  isColoured: boolean;
  columns: number;
}

export type OnOutput = (stream: 'stdout' | 'stderr', text: string) => void;

/** What expressions see besides the globals of Node.js, and what it is. `help` shows it. */
const OBJECTS: readonly (readonly [name: string, what: string, find: (node: Node) => unknown])[] = [
  ['node', 'the node: port, linePort, state, executor', (node) => node],
  ['settings', "the settings: settings.text('maxclients'), settings.set('maxclients', '20000')", ({ state }) => state.settings],
  ['store', 'the data: store.databases[0] is the keyspace of database 0', ({ state }) => state.store],
  ['clients', 'a Map of the clients that are connected, by id', ({ state }) => state.clients],
  ['stats', 'the counters that INFO shows', ({ state }) => state.stats],
  ['slowlog', 'the slowlog', ({ state }) => state.slowlog],
  ['latency', 'the latency monitor', ({ state }) => state.latency],
  ['table', "the command table: table.commands", ({ state }) => state.table],
  ['log', "the log: log.info('text')", ({ state }) => state.log],
];

export function helpText(): string {
  const width = Math.max(...OBJECTS.map(([name]) => name.length));
  return [
    'In scope, besides what Node.js has (require loads modules):',
    ...OBJECTS.map(([name, what]) => `  ${name.padEnd(width)}  ${what}`),
    'The last value is _. await works everywhere. What is changed here is changed in the running node.',
  ].join('\n');
}

const INCOMPLETE = /Unexpected end of input|missing \) after argument list|Unterminated (template|regular expression)/;

/** What Node's types do not say of the inspector. */
interface Evaluation extends Runtime.EvaluateParameterType {
  /** Top-level await, and declarations that may be repeated. */
  replMode?: boolean;
  throwOnSideEffect?: boolean;
}

/** What the inspector holds for as long as an expression is looked at. */
const HELD = 'held';

let scopes = 0;

export class Scope {
  private readonly inspector = new Inspector();
  private readonly globals: Record<string, unknown>;
  private contextId = 0;
  /** The inspector's handle on `take`, by which it hands over values. */
  private taker: string | undefined;
  private taken: unknown;

  constructor(findNode: () => Node, onOutput: OnOutput) {
    const scope = scopeGlobals(findNode, onOutput);
    const name = `pigeonhole scope ${++scopes}`;
    this.inspector.connect();
    this.inspector.on('Runtime.executionContextCreated', ({ params: { context } }) => {
      if (context.name === name) this.contextId = context.id;
    });
    this.globals = createContext(scope, { name });
    this.inspector.post('Runtime.enable');
  }

  /** Evaluates an expression or statements, and waits for what they wait for. Does not reject. */
  async evaluate(code: string, showing: Showing): Promise<Outcome> {
    await this.prepare();
    // An object is meant, not a block with a label.
    const isObject = /^\s*\{[^]*\}\s*$/.test(code);
    let done = await this.run(isObject ? `(${code})` : code);
    if (isObject && isSyntaxError(await this.take(done.result))) done = await this.run(code);
    const value = await this.take(done.result);
    this.inspector.post('Runtime.releaseObjectGroup', { objectGroup: HELD });
    const options = { colors: showing.isColoured, breakLength: showing.columns };
    const show = (shown: unknown): string => inspect(shown, options);
    if (done.exceptionDetails === undefined) {
      this.globals._ = value;
      return value === undefined ? { kind: 'nothing', text: '' } : { kind: 'value', text: show(value) };
    }
    const text = isError(value) ? firstLines(value) : show(value);
    return { kind: isSyntaxError(value) && INCOMPLETE.test(value.message) ? 'incomplete' : 'error', text };
  }

  /** What the name at the end of `line` may become, and that part of the line. Evaluates nothing that has an effect. */
  async complete(line: string): Promise<[completions: string[], part: string]> {
    await this.prepare();
    const [, path = '', part = ''] = /((?:[\w$]+\.)*)([\w$]*)$/.exec(line) ?? [];
    const owner = path === '' ? 'globalThis' : path.slice(0, -1);
    const { result, exceptionDetails } = await this.post('Runtime.evaluate', {
      expression: owner, contextId: this.contextId, throwOnSideEffect: true,
    });
    if (exceptionDetails !== undefined) return [[], part];
    const names = new Set(namesIn(await this.take(result)));
    if (owner === 'globalThis') {
      const lexical = await this.post('Runtime.globalLexicalScopeNames', { executionContextId: this.contextId });
      for (const name of [...lexical.names, 'await', 'const', 'let', 'new', 'typeof']) names.add(name);
    }
    const found = [...names].filter((name) => name.startsWith(part) && /^[\p{L}_$][\p{L}\d_$]*$/u.test(name)).sort();
    return [found.map((name) => path + name), path + part];
  }

  close(): void {
    this.inspector.disconnect();
  }

  private run(expression: string): Promise<Runtime.EvaluateReturnType> {
    return this.post('Runtime.evaluate', {
      expression, contextId: this.contextId, replMode: true, awaitPromise: true, objectGroup: HELD,
    });
  }

  /** Gives the inspector the function by which it hands over values. */
  private async prepare(): Promise<void> {
    if (this.taker !== undefined) return;
    this.globals.take = (value: unknown): void => void (this.taken = value);
    const { result } = await this.post('Runtime.evaluate', { expression: 'take', contextId: this.contextId });
    delete this.globals.take;
    this.taker = result.objectId!;
  }

  /** The value itself, of which the inspector has a description. */
  private async take(described: Runtime.RemoteObject): Promise<unknown> {
    const { objectId, unserializableValue } = described;
    const argument = objectId !== undefined ? { objectId }
      : unserializableValue !== undefined ? { unserializableValue } : { value: described.value as unknown };
    await this.post('Runtime.callFunctionOn', {
      objectId: this.taker!, functionDeclaration: 'function (value) { this(value); }', arguments: [argument],
    });
    const { taken } = this;
    this.taken = undefined;
    return taken;
  }

  private post(method: 'Runtime.evaluate', params: Evaluation): Promise<Runtime.EvaluateReturnType>;
  private post(method: 'Runtime.callFunctionOn', params: Runtime.CallFunctionOnParameterType): Promise<unknown>;
  private post(
    method: 'Runtime.globalLexicalScopeNames', params: Runtime.GlobalLexicalScopeNamesParameterType,
  ): Promise<Runtime.GlobalLexicalScopeNamesReturnType>;
  private post(method: string, params: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.inspector.post(method, params, (error, result) => (error === null ? resolve(result) : reject(error)));
    });
  }
}

function scopeGlobals(findNode: () => Node, onOutput: OnOutput): object {
  const scope = {};
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(globalThis))) {
    if (name !== 'globalThis' && name !== 'global') Object.defineProperty(scope, name, descriptor);
  }
  for (const [name, , find] of OBJECTS) {
    Object.defineProperty(scope, name, { configurable: true, enumerable: true, get: () => find(findNode()) });
  }
  const output = (stream: 'stdout' | 'stderr'): Writable => new Writable({
    decodeStrings: false,
    write: (text, _encoding, done) => {
      onOutput(stream, String(text));
      done();
    },
  });
  const help = { [inspect.custom]: helpText };
  const console = new Console({ stdout: output('stdout'), stderr: output('stderr') });
  return Object.assign(Object.defineProperty(scope, 'console', { configurable: true, writable: true }), {
    console, help, require: createRequire(import.meta.url), _: undefined,
  });
}

function isError(value: unknown): value is Error {
  // An expression's errors are made by the classes of its own scope.
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

function isSyntaxError(value: unknown): value is Error {
  return isError(value) && value.name === 'SyntaxError';
}

/** An error without the calls that led to it here: those of the expression itself are kept. */
function firstLines(error: Error): string {
  const stack = error.stack ?? `${error.name}: ${error.message}`;
  const lines = stack.split('\n');
  const firstCall = lines.findIndex((line) => /^ {4}at /.test(line));
  return firstCall < 0 ? stack : lines.slice(0, firstCall).join('\n');
}

function namesIn(value: unknown): string[] {
  const names: string[] = [];
  for (let at: unknown = value; at !== null && at !== undefined; at = Object.getPrototypeOf(at)) {
    names.push(...Object.getOwnPropertyNames(at));
  }
  return names;
}
