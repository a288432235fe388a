/**
 * What a script is told on its command line. A word that it does not know, or a number that is none, ends it with one
 * line before anything is begun: a bench that ran for minutes because `--help` meant nothing to it measured other
 * things than it was asked for.
 */
import yargs, { type InferredOptionTypes, type Options } from 'yargs';

/**
 * The arguments of `usage`, such as `crash [rounds]`: the words in brackets are positional, `options` has a record for
 * each of them and for each flag.
 */
export function scriptArguments<O extends Record<string, Options>>(
  usage: string, sentence: string, options: O,
): InferredOptionTypes<O> {
  const [name = '', ...positional] = usage.split(/ (?=\[)/);
  return yargs(process.argv.slice(2))
    .scriptName(`scripts/${name}`)
    .command(['$0', ...positional].join(' '), sentence, options)
    .check((given) => {
      const wrong = Object.keys(options).find((key) => Number.isNaN(given[key]));
      return wrong === undefined || `${wrong}: a number is needed`;
    })
    .fail((message) => {
      console.error(`${name}: ${message.replaceAll(/\s+/g, ' ')}. scripts/${name} --help lists what there is.`);
      process.exit(1);
    })
    .strict()
    .version(false)
    .parseSync() as unknown as InferredOptionTypes<O>;
}
