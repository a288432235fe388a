/**
 * Macros: what a test needs around it, started before and stopped after.
 *
 *     test('PING answers', withNode, async (t, node) => { ... });
 *     referenceTest('both refuse it', withNodeAndReference, async (t, node, reference) => { ... });
 */
import test, { type ExecutionContext } from 'ava';
import { startReference } from './reference.js';
import { type Running, reference, startNode, whyNoReference } from './targets.js';
import type { Node } from '../../lib/server.js';

/** `test`, or `test.skip` where the reference is not installed. */
export const referenceTest = reference.isAvailable ? test : test.skip;
if (whyNoReference !== undefined) console.log(whyNoReference);

type Body<T extends unknown[]> = (t: ExecutionContext, ...parts: T) => Promise<void> | void;

export const withNode = test.macro(async (t, body: Body<[Node]>) => {
  const node = await startNode();
  t.teardown(() => node.stop());
  await body(t, node);
});

export const withReference = test.macro(async (t, body: Body<[Running]>) => {
  const running = await startReference();
  t.teardown(() => running.stop());
  await body(t, running);
});

export const withNodeAndReference = test.macro(async (t, body: Body<[Node, Running]>) => {
  const node = await startNode();
  t.teardown(() => node.stop());
  const running = await startReference();
  t.teardown(() => running.stop());
  await body(t, node, running);
});
