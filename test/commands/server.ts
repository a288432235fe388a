/** What rows cannot say: that SHUTDOWN ends a node, and that DEBUG must be allowed. */
import test from 'ava';
import { RawClient } from '../support/raw-client.js';
import { startNode } from '../support/targets.js';

test('SHUTDOWN answers nothing, closes every connection and takes no new ones', async (t) => {
  const node = await startNode();
  const client = await RawClient.connect(node.port);
  const other = await RawClient.connect(node.port);
  const { port } = node;
  t.is(await client.ask('SHUTDOWN NOSAVE'), '<closed>');
  t.is(await other.untilClosed(), '');
  await t.throwsAsync(RawClient.connect(port), { code: 'ECONNREFUSED' });
});

const NOT_ALLOWED = /^-ERR DEBUG command not allowed\. If the enable-debug-command option is set to "local"/;

test('DEBUG is refused unless it is allowed', async (t) => {
  const answers: Record<string, RegExp> = { no: NOT_ALLOWED, local: /^\+OK/, yes: /^\+OK/ };
  for (const [allowed, answer] of Object.entries(answers)) {
    const node = await startNode({ 'enable-debug-command': allowed });
    const client = await RawClient.connect(node.port);
    t.regex(await client.ask('DEBUG SLEEP 0'), answer, allowed);
    client.close();
    await node.stop();
  }
});
