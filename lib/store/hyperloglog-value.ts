/**
 * HyperLogLogs in buckets. To the store they are strings, which any string command may read and change; hyperloglog.ts
 * has their format. A new one is sparse; it becomes dense when its runs take more than `hll-sparse-max-bytes`, or when
 * a register gets too high for them, and stays so.
 */
import { entryBytes, setValueLength, valueLength, valueOffset, valueSlice } from './entry.js';
import {
  DENSE_BYTES, HEADER_BYTES, type Mark, REGISTERS, forgetCount, isSparse, markDense, markOf, mergeRegisters,
  raiseDense, setDenseRegister, writeSparseHeader,
} from './hyperloglog.js';
import { EMPTY_RUNS, type Raised, SPARSE_GROWTH_BYTES, raiseInRuns } from './hyperloglog-sparse.js';
import type { Keyspace } from './keyspace.js';
import { growString } from './string-value.js';
import { Slice } from '../util/bytes.js';

/** Adds a HyperLogLog without elements under `key`, for which `db.find` has just found nothing, and gives its ref. */
export function createHyperLogLog(db: Keyspace, key: Slice): number {
  const { arena } = db.store;
  const ref = growString(db, key, 0, HEADER_BYTES + EMPTY_RUNS.length);
  const bytes = entryBytes(arena, ref);
  const start = valueOffset(arena, ref);
  writeSparseHeader(bytes, start);
  EMPTY_RUNS.copy(bytes, start + HEADER_BYTES);
  return ref;
}

/** What became of a register, and the bucket's ref, which may be another one. */
export interface Raise {
  ref: number;
  outcome: Exclude<Raised, 'full'>;
}

const mark: Mark = { index: 0, value: 0 };

/** Counts an element; `db.find` has just given `raise.ref` for `key`. */
export function addElement(db: Keyspace, key: Slice, raise: Raise, element: Slice): void {
  raiseRegister(db, key, raise, markOf(element, mark));
}

/** Raises a register; otherwise as `addElement`. */
export function raiseRegister(db: Keyspace, key: Slice, raise: Raise, to: Mark): void {
  const { arena } = db.store;
  let outcome: Raised = 'full';
  if (isSparse(entryBytes(arena, raise.ref), valueOffset(arena, raise.ref))) {
    outcome = raiseSparse(db, key, raise, to);
    if (outcome === 'full' && !makeDense(db, key, raise)) outcome = 'malformed';
  }
  if (outcome === 'full') {
    const bytes = entryBytes(arena, raise.ref);
    outcome = raiseDense(bytes, valueOffset(arena, raise.ref), to) ? 'raised' : 'kept';
  }
  if (outcome === 'raised') forgetCount(entryBytes(arena, raise.ref), valueOffset(arena, raise.ref));
  raise.outcome = outcome;
}

function raiseSparse(db: Keyspace, key: Slice, raise: Raise, { index, value }: Mark): Raised {
  const { arena, encodingLimits } = db.store;
  const length = valueLength(arena, raise.ref);
  // Room first: the runs are changed where they are. Their own length is set behind that.
  raise.ref = growString(db, key, raise.ref, length + SPARSE_GROWTH_BYTES);
  const start = valueOffset(arena, raise.ref);
  const runs = { bytes: entryBytes(arena, raise.ref), start: start + HEADER_BYTES, end: start + length };
  const raised = raiseInRuns(runs, index, value, encodingLimits.hyperLogLogSparseBytesMax - HEADER_BYTES);
  setValueLength(arena, raise.ref, runs.end - start);
  return raised;
}

const registers = new Uint8Array(REGISTERS);
const value = new Slice();

/**
 * Makes a sparse HyperLogLog dense; `db.find` has just given `raise.ref`, which may change, for `key`. False, and
 * nothing has changed, when it is not well formed. The count that is remembered stays.
 */
export function makeDense(db: Keyspace, key: Slice, raise: Raise): boolean {
  const { arena } = db.store;
  registers.fill(0);
  if (!mergeRegisters(registers, valueSlice(arena, raise.ref, value))) return false;
  raise.ref = growString(db, key, raise.ref, DENSE_BYTES);
  setValueLength(arena, raise.ref, DENSE_BYTES);
  const bytes = entryBytes(arena, raise.ref);
  const start = valueOffset(arena, raise.ref);
  bytes.fill(0, start + HEADER_BYTES, start + DENSE_BYTES);
  markDense(bytes, start);
  for (let index = 0; index < REGISTERS; index++) {
    if (registers[index]! > 0) setDenseRegister(bytes, start, index, registers[index]!);
  }
  return true;
}
