/**
 * HyperLogLogs: their bytes are read as strings are, so every register and every run is compared. Some requests change
 * the bytes behind the back of the HyperLogLog commands.
 */
import type { Draw } from './draw.js';
import type { Grammar } from './grammar.js';

const FEW = 30;
const MANY = 20_000;
const element = (draw: Draw): string => `e${draw.below(draw.chance(0.5) ? FEW : MANY)}`;
const ZEROS = '\x00'.repeat(6);
/** Some dozen elements in one request: `[x ...]` gives at most three. */
const ELEMENTS = 'element '.repeat(40);

export const hyperLogLogGrammar: Grammar = {
  family: 'hyperloglog',
  requests: `
    PFADD key [element ...]
    PFADD key element element element
    PFADD key ${ELEMENTS}
    PFADD key ${ELEMENTS}
    PFADD key ${ELEMENTS} ${ELEMENTS}
    PFCOUNT key
    PFCOUNT key key [key ...]
    PFMERGE destkey key [key ...]
    PFMERGE destkey
    PFDEBUG ENCODING key
    PFDEBUG DECODE key
    PFDEBUG TODENSE key
    PFDEBUG GETREG key
    PFDEBUG value key
    GET key
    STRLEN key
    OBJECT ENCODING key
    COPY key newkey REPLACE
    SETRANGE key headeroffset tail
    SETBIT key bitoffset bit
    APPEND key tail
    SET key value
    SET key hll
    HSET key field value
    DEL key
  `,
  words: {
    element,
    bitoffset: (draw) => String(draw.below(128)),
    tail: (draw) => draw.pick(['\x00', '\x84', '\x7f\xff', '\x3f\x80']),
    headeroffset: (draw) => String(draw.below(18)),
    hll: (draw) => {
      const encoding = draw.pick(['\x00', '\x01', '\x01', '\x02']);
      const count = `${draw.pick(['\x00', '\xff', '\x07'])}${ZEROS}${draw.pick(['\x00', '\x80', '\x7f'])}`;
      const header = `HYLL${encoding}\x00\x00\x00${count}`;
      if (encoding === '\x00') return header + draw.pick(['\xff', '\x00', '\x55', '\x41']).repeat(12288);
      return header + draw.pick([
        '\x7f\xff', '', '\x7f\xfe', '\x7f\xfe\x80', '\x84\x84\x7f\xfd', '\x00\x7f\xfe', '\x40\x00\x7f\xfe',
        '\x7f\xff\x00', '\x83\x83\x83\x7f\xf3', '\x3f'.repeat(256), '\x7f\x00\x80\x40\xfe', '\x87\x87\x8b\x7f\xf6',
      ]);
    },
  },
  probes: `
    GET key
    PFCOUNT key
    OBJECT ENCODING key
    EXPIRETIME key
  `,
};
