/** A release that cannot be built; the message is one line, or a list, for the person who asked for it. */
export class ReleaseError extends Error {}

/** Runs a script. A ReleaseError, or an argument that is not known, ends it with its message and exit code 1. */
export async function runScript(name: string, script: () => Promise<void>): Promise<void> {
  try {
    await script();
  } catch (error) {
    const isOfArguments = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
    if (!(error instanceof ReleaseError) && !isOfArguments) throw error;
    console.error(`${name}: ${error.message.replace(/\. To specify a positional.*/, '')}`);
    process.exitCode = 1;
  }
}
