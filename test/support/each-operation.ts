/** Calls `run` with 0, 1, 2, ... until it says that it has no such operation. Gives how many it has, up to `max`. */
export async function atEachOperation(max: number, run: (at: number) => Promise<boolean>): Promise<number> {
  for (let at = 0; at < max; at++) if (!(await run(at))) return at;
  return max;
}
