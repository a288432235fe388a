/** Bits of strings. */
import type { Grammar } from './grammar.js';

export const bitmapGrammar: Grammar = {
  family: 'bitmap',
  requests: `
    SET key value
    SETBIT key offset bit
    SETBIT key offset bit
    GETBIT key offset
    BITCOUNT key [start end [BYTE|BIT]]
    BITPOS key bit [start [end [BYTE|BIT]]]
    BITOP AND|OR|XOR|NOT destkey key [key ...]
    BITFIELD key [GET encoding bit-offset] [OVERFLOW WRAP|SAT|FAIL] [SET encoding bit-offset integer] [INCRBY encoding bit-offset increment]
    BITFIELD key [OVERFLOW WRAP|SAT|FAIL] [INCRBY encoding bit-offset increment ...]
    BITFIELD_RO key [GET encoding bit-offset ...]
    APPEND key value
    HSET key field value
    DEL key
  `,
  probes: `
    GET key
    BITCOUNT key
    EXPIRETIME key
  `,
};
