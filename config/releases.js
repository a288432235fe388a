/**
 * The releases of this project: folders that run where there is no Node, no npm and no source.
 * `scripts/build-release foo` makes dist/rel/foo. What a release may say, with what holds when it does not:
 *
 *     foo: {
 *       version: '0.1.0',                       // that of package.json
 *       listeners: ['client', 'line', 'peer'],  // all three; the ports of the others stay closed
 *       cookie: 'a secret',                     // the project's own: a random one, made once, kept in .release-cookie
 *       config: 'config/runtime.js',            // run at every start, as releases/<version>/runtime.js
 *       files: { 'docs/README.md': 'README.md' }, // none; path in the release: path here, a file or a folder
 *       includeRuntime: true,                   // carries the Node that builds it; false: uses the node in PATH
 *     }
 */
export default {
  // Front end and storage.
  foo: { listeners: ['client', 'line', 'peer'] },

  // Storage only: peers reach it, clients do not.
  bar: { listeners: ['peer'] },
};
