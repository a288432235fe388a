/** All grammars. */
import { bitmapGrammar } from './bitmap.js';
import { dumpGrammar } from './dump.js';
import { expiryGrammar } from './expiry.js';
import { genericGrammar } from './generic.js';
import type { Grammar } from './grammar.js';
import { geoGrammar } from './geo.js';
import { hashGrammar } from './hash.js';
import { hyperLogLogGrammar } from './hyperloglog.js';
import { listGrammar } from './list.js';
import { setGrammar } from './set.js';
import { sortGrammar } from './sort.js';
import { sortedSetGrammar } from './sorted-set.js';
import { streamGrammar } from './stream.js';
import { stringGrammar } from './string.js';
import { togetherGrammar } from './together.js';

export const grammars: readonly Grammar[] = [
  stringGrammar, bitmapGrammar, hashGrammar, listGrammar, setGrammar, sortedSetGrammar, genericGrammar, expiryGrammar,
  hyperLogLogGrammar, dumpGrammar, streamGrammar, geoGrammar, sortGrammar,
];

/** All of them, and what only makes sense where they meet. */
export const allTogether: readonly Grammar[] = [...grammars, togetherGrammar];
