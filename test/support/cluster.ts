/** The macro that puts a cluster around a test. */
import test, { type ExecutionContext } from 'ava';
import { type ClusterOptions, TestCluster } from './test-cluster.js';

export { TestCluster };

type Body = (t: ExecutionContext, cluster: TestCluster) => Promise<void>;

/** A cluster around a test: `test('...', withCluster, { shards: '...' }, async (t, cluster) => { ... })`. */
export const withCluster = test.macro(async (t, options: ClusterOptions, body: Body) => {
  const cluster = new TestCluster(options);
  t.teardown(() => cluster.stop());
  await cluster.start();
  await body(t, cluster);
});
