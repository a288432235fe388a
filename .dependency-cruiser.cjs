/**
 * The layers of lib/, from the top down. A file may import from its own layer and from those below it, types too, and
 * never in a circle. Only types of one layer may know each other: a handler takes a context, a context knows the
 * command table, and the table holds handlers. `npm run layers` checks.
 */
const layers = [
  ['cli', '^lib/cli/'],
  ['control', '^lib/control/'],
  ['server', '^lib/(server|index)\\.ts$'],
  ['listeners', '^lib/listeners/'],
  ['cluster', '^lib/cluster/'],
  ['persistence', '^lib/persistence/'],
  ['execution', '^lib/execution/'],
  ['commands', '^lib/commands/'],
  ['pubsub', '^lib/pubsub/'],
  ['rdb', '^lib/rdb/'],
  ['store', '^lib/store/'],
  ['protocol', '^lib/protocol/'],
  ['config', '^lib/config/'],
  ['errors', '^lib/errors\\.ts$'],
  ['util', '^lib/util/'],
];

const downOnly = layers.slice(1).map(([name, path], index) => ({
  name: `${name}-imports-down`,
  comment: `${name} is below ${layers.slice(0, index + 1).map(([above]) => above).join(', ')}`,
  severity: 'error',
  from: { path },
  to: { path: layers.slice(0, index + 1).map(([, above]) => above) },
}));

module.exports = {
  forbidden: [
    ...downOnly,
    {
      name: 'no-circle',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'every-file-has-a-layer',
      severity: 'error',
      from: {},
      to: { path: '^lib/', pathNot: layers.map(([, path]) => path) },
    },
    { name: 'lib-stands-alone', severity: 'error', from: { path: '^lib/' }, to: { path: '^(test|scripts)/' } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-development-package-in-lib',
      severity: 'error',
      from: { path: '^lib/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'no-unused-file', severity: 'error', from: { orphan: true, path: '^lib/' }, to: {} },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  },
};
