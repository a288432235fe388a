/** The files that a release gets from templates, and where those come from. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Beside the sources, also for the compiled script. */
const BUILT_IN = new URL('../../../scripts/release/templates/', import.meta.url).pathname;

/** Where a project keeps its own templates. */
const PROJECT = 'config/release';

/** The templates that a project may have its own of. */
export const OWN_TEMPLATES = ['env.sh', 'env.bat', 'node.args'] as const;

/** Puts the values in for `{{name}}` and the like. What has no value is an error of ours. */
export function expand(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`a template asks for {{${name}}}`);
    return value;
  });
}

/** A template that comes with the builder. */
export function builtInTemplate(file: string): string {
  return readFileSync(join(BUILT_IN, file), 'utf8');
}

/** The project's own template, or undefined when it has none. */
export function projectTemplate(folder: string, file: string): string | undefined {
  const path = join(folder, PROJECT, file);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** Copies the built-in templates into the project, but for those that are there. Gives a line for each file. */
export function copyTemplates(folder: string, isForced: boolean): string[] {
  mkdirSync(join(folder, PROJECT), { recursive: true });
  return OWN_TEMPLATES.map((file) => {
    const path = join(PROJECT, file);
    if (existsSync(join(folder, path)) && !isForced) return `* skipping ${path} (it is there; --force replaces it)`;
    writeFileSync(join(folder, path), builtInTemplate(file));
    return `* creating ${path}`;
  });
}
