/** Random scenes of several clients who wait and wake each other, as on redis-server. Longer: scripts/fuzz waiting. */
import { type Move, scene } from '../generators/waiting.js';
import { referenceTest } from '../support/macros.js';
import { seedOf } from '../support/seed.js';
import { nodeProcess, reference, smallLimits } from '../support/targets.js';
import { type SceneDifference, describeScene, findSceneDifference } from '../support/waiting-run.js';

const SCENES = 6;
const LENGTH = 150;

referenceTest('who waits is served with what redis-server gives, in the same order', async (t) => {
  const [ours, theirs] = await Promise.all([nodeProcess.start(smallLimits), reference.start(smallLimits)]);
  t.teardown(() => Promise.all([ours.stop(), theirs.stop()]));
  const tally = { moves: 0, waited: 0, served: 0 };
  const find = (moves: readonly Move[]): Promise<SceneDifference | undefined> => {
    return findSceneDifference(moves, ours.port, theirs.port, tally);
  };
  const seed = seedOf(t);
  for (let round = 0; round < SCENES; round++) {
    const found = await find(scene(seed + round, LENGTH));
    t.is(found && await describeScene(found, find), undefined);
  }
  t.log(`${tally.moves} moves, ${tally.waited} waited, ${tally.served} served`);
  t.true(tally.waited > tally.moves / 20 && tally.served > tally.moves / 50);
});
