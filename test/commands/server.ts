/** What rows cannot say: that SHUTDOWN ends a node, and that DEBUG must be allowed. */
import test from 'ava';
import { RawClient } from '../support/raw-client.js';
import { oneNode, reference, startNode } from '../support/targets.js';

test('SHUTDOWN answers nothing, closes every connection and takes no new ones', async (t) => {
  const node = await startNode();
  const client = await RawClient.connect(node.port);
  const other = await RawClient.connect(node.port);
  const { port } = node;
  t.is(await client.ask('SHUTDOWN NOSAVE'), '<closed>');
  t.is(await other.untilClosed(), '');
  await t.throwsAsync(RawClient.connect(port), { code: 'ECONNREFUSED' });
});

const SET = 'CONFIG SET dbfilename dump.rdb';
const SLEEP = 'DEBUG SLEEP 0';
/** To redis-server only 127.0.0.1 and ::1 are this machine. */
const HERE = '127.0.0.1';
const ELSEWHERE = '127.0.0.2';

for (const target of [oneNode, reference]) {
  const run = target.isAvailable ? test : test.skip;
  run(`${target.name}: DEBUG and protected settings are for nobody, for clients of this machine, or for all`, async (t) => {
    for (const allowed of ['no', 'local', 'yes']) {
      const settings = { 'enable-debug-command': allowed, 'enable-protected-configs': allowed, 'protected-mode': 'no' };
      const node = await target.start(settings);
      t.teardown(() => node.stop());
      for (const from of [HERE, ELSEWHERE]) {
        const client = await RawClient.connect(node.port, HERE, from);
        const isAllowed = allowed === 'yes' || (allowed === 'local' && from === HERE);
        const title = `${allowed}, from ${from}`;
        t.regex(await client.ask(SLEEP), isAllowed ? /^\+OK/ : /^-ERR DEBUG command not allowed\. If/, title);
        t.regex(await client.ask(SET), isAllowed ? /^\+OK/ : /'dbfilename'\) - can't set protected config\r\n$/, title);
        client.close();
      }
    }
  });
}
