/**
 * The numbers in Redis's files: the forms in which values are serialised, and the marks between them. `Source` of
 * everything in this folder: redis-server 7.0's rdb.h and rdb.c, and the files that it writes.
 */

/** The version that is written; newer ones are refused. */
export const RDB_VERSION = 10;
/** The version of Redis 7.4, in which hashes are written whose fields expire. */
export const RDB_VERSION_7_4 = 12;

/** The forms of values. Those that redis-server 7.0 writes itself are marked. */
export const RdbType = {
  /** 7.0 */
  string: 0,
  list: 1,
  /** 7.0 */
  set: 2,
  sortedSet: 3,
  /** 7.0 */
  hash: 4,
  /** 7.0: scores as doubles, not as text. */
  sortedSet2: 5,
  module: 6,
  module2: 7,
  hashZipmap: 9,
  listZiplist: 10,
  /** 7.0 */
  setIntset: 11,
  sortedSetZiplist: 12,
  hashZiplist: 13,
  listQuicklist: 14,
  streamListpacks: 15,
  /** 7.0 */
  hashListpack: 16,
  /** 7.0 */
  sortedSetListpack: 17,
  /** 7.0 */
  listQuicklist2: 18,
  /** 7.0 */
  streamListpacks2: 19,
  /** 7.4: hashes whose fields expire; no earlier version knows them. */
  hashMetadata: 24,
  hashListpackEx: 25,
} as const;

/** Marks in a file, where the form of a value could stand. */
export const Opcode = {
  function2: 245,
  functionBeforeRelease: 246,
  moduleAux: 247,
  idle: 248,
  frequency: 249,
  aux: 250,
  resizeDb: 251,
  expireTimeMs: 252,
  expireTime: 253,
  selectDb: 254,
  end: 255,
} as const;

/** The two highest bits of a length's first byte. */
export const LENGTH_6_BITS = 0;
export const LENGTH_14_BITS = 1;
export const LENGTH_32_BITS = 0x80;
export const LENGTH_64_BITS = 0x81;
/** Not a length: what follows is an integer or compressed. The low six bits say which. */
export const ENCODED = 0xc0;
export const ENCODED_INT8 = 0;
export const ENCODED_INT16 = 1;
export const ENCODED_INT32 = 2;
export const ENCODED_LZF = 3;

/** How a node of a quicklist keeps its elements. */
export const NODE_PLAIN = 1;
export const NODE_PACKED = 2;
