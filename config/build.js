/**
 * What goes into the bundle of a release, decided when it is built. What a node does with it is decided at every start,
 * by config/runtime.js. All options of esbuild may stand here: https://esbuild.github.io/api/#overview
 */
export default {
  minify: false, // true: a third of the size, and stack traces that nobody can read; the start is as fast
  sourcemap: false,
  define: {}, // { 'process.env.NAME': '"value"' } puts a value in for good
};
