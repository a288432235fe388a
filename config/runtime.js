/**
 * The settings of a node that is started in this folder, and of the releases that are built here. Run at every start;
 * the environment and flags override it. `pigeonhole check-config` prints what is in force. All settings are in the
 * README and in `pigeonhole start --help`.
 *
 * The default export is the settings, or a function that gives them:
 *
 *     export default ({ env, node }) => ({
 *       port: env === 'prod' ? 6379 : 7000,           // env: --env, PIGEONHOLE_ENV, NODE_ENV, or dev
 *       logfile: env === 'prod' ? `${node}.log` : '', // node: this node's name
 *       requirepass: process.env.STORE_PASSWORD,      // undefined leaves a setting as it is
 *     });
 *
 * In a release env is prod unless --env or PIGEONHOLE_ENV says otherwise.
 */
const everywhere = {
  // port: 6379,                     // Redis clients; 0 for none, 'any' for a free one
  // 'line-port': 4040,              // telnet; 0 for none
  // bind: ['127.0.0.1', '-::1'],    // this machine only
  // maxclients: 10000,
  // loglevel: 'notice',
};

// The table of buckets: in prod foo and bar share the alphabet, elsewhere every name is on the node that is started.
const prod = {
  shards: [
    { range: 'a-m', node: 'foo' },
    { range: 'n-z', node: 'bar' },
    // { range: '*', node: 'foo' },  // what begins with no small letter; refused while nobody owns it
  ],
  // Where each node listens for the others.
  nodes: { foo: 'localhost:16379', bar: 'localhost:16380' },
};

export default ({ env }) => (env === 'prod' ? { ...everywhere, ...prod } : everywhere);
