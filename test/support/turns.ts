/**
 * What model tests of values that are kept in several forms do besides their random steps, so that each form is met
 * whatever the seed: settings change in turn, and with each the value is cleared, filled, both, or left as it is.
 */
const STEPS_OF_A_TURN = 250;

export interface Turn<Setting> {
  setting: Setting;
  clears: boolean;
  fills: boolean;
}

/** The turn that begins with this step, if one does. After 1000 steps for each setting all four have come with each. */
export function turnAt<Setting>(step: number, settings: readonly Setting[]): Turn<Setting> | undefined {
  if (step % STEPS_OF_A_TURN > 0) return undefined;
  const turn = step / STEPS_OF_A_TURN;
  const kind = Math.floor(turn / settings.length) % 4;
  return { setting: settings[turn % settings.length]!, clears: kind % 2 === 1, fills: kind >= 2 };
}
