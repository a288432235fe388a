/** The HELP subcommands: what a container can do, one line after the other. */
import type { Handler } from './spec.js';

/**
 * A handler that lists the subcommands of `container`. `lines` are redis-server's: a subcommand with its arguments,
 * then what it does, indented by four blanks. HELP itself is added.
 */
export function helpHandler(container: string, lines: readonly string[]): Handler {
  const all = [
    `${container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`, ...lines, 'HELP', '    Prints this help.',
  ];
  return (_context, _args, reply) => {
    reply.array(all.length);
    for (const line of all) reply.status(line);
  };
}
