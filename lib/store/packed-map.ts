/**
 * The packed map: a small hash's fields and values in one run of bytes, which is the value of its bucket's entry. So
 * a small hash is one block of the arena, whatever it holds, and no JavaScript object. See hash-value.ts for when a
 * hash is one; here are only the bytes.
 *
 *     | count | data end | data of field 0 | data of field 1 | ...  free  ... | slot 1 | slot 0 |
 *       2 bytes  2 bytes    from the front on ->                      <- from the end on, 3 bytes each
 *
 *     data   | expiry, 6 bytes, if any | field length, 1 or 2 bytes | value length, 1 or 2 bytes | field | value |
 *     slot   | place of its data, 2 bytes | tag |
 *
 * The highest bit of a slot's place says that its field expires, that of the count that some field does or did.
 *
 * Fields stand in the order in which they were added, in the slots and in the data alike, with no holes. A look-up
 * runs over the tags (one byte of a hash of the field) and compares a field only where the tag agrees: of a hundred
 * fields, one or two. Keeping the free bytes in the middle lets both sides grow without moving.
 *
 * Places count from the record's first byte, so the record may be copied anywhere. A record has at most
 * PACKED_BYTES_MAX bytes.
 *
 * The functions take the buffer and the record's `start` and `end` in it.
 */
import { type Slice, copyBytes, sameBytes } from '../util/bytes.js';

export const PACKED_HEADER_BYTES = 4;
export const PACKED_BYTES_MAX = 16 * 1024;
const SLOT_BYTES = 3;
const TAG_AT = 2;
/** The highest bit of a slot's place and of the count. */
const EXPIRES = 0x8000;
const EXPIRY_BYTES = 6;

/** Writes an empty record. */
export function clearPacked(bytes: Buffer, start: number): void {
  bytes[start] = bytes[start + 1] = 0;
  setDataEnd(bytes, start, PACKED_HEADER_BYTES);
}

export function packedCount(bytes: Buffer, start: number): number {
  return bytes[start]! | ((bytes[start + 1]! & 0x7f) << 8);
}

/** Whether some field was given an expiry, also when none has one any more. */
export function packedExpires(bytes: Buffer, start: number): boolean {
  return bytes[start + 1]! >= 0x80;
}

/** Says that some field is given an expiry. */
export function markPackedExpires(bytes: Buffer, start: number): void {
  bytes[start + 1]! |= 0x80;
}

/** The least bytes that the record could do with. */
export function packedUsed(bytes: Buffer, start: number): number {
  return dataEnd(bytes, start) + packedCount(bytes, start) * SLOT_BYTES;
}

/** The bytes that a field and its value take. */
export function packedFieldBytes(fieldBytes: number, valueBytes: number): number {
  return lengthBytes(fieldBytes) + lengthBytes(valueBytes) + fieldBytes + valueBytes + SLOT_BYTES;
}

/** The index of a field, or -1. */
export function findPacked(bytes: Buffer, start: number, end: number, field: Slice): number {
  const tag = tagOf(field);
  const first = end - SLOT_BYTES + TAG_AT;
  const last = first - packedCount(bytes, start) * SLOT_BYTES;
  for (let at = first; at > last; at -= SLOT_BYTES) {
    if (bytes[at] !== tag) continue;
    if (hasField(bytes, start + lengthsPlace(bytes, at - TAG_AT), field)) return (first - at) / SLOT_BYTES;
  }
  return -1;
}

function hasField(bytes: Buffer, data: number, field: Slice): boolean {
  const length = readLength(bytes, data);
  if (length !== field.length) return false;
  const valueLengthAt = data + lengthBytes(length);
  const fieldAt = valueLengthAt + (bytes[valueLengthAt]! < 0x80 ? 1 : 2);
  return sameBytes(bytes, fieldAt, field.bytes, field.offset, length);
}

/** Points `field` and `value` to those at `index`. */
export function readPacked(
  bytes: Buffer, start: number, end: number, index: number, field: Slice, value: Slice,
): void {
  const data = start + lengthsPlace(bytes, slotOf(end, index));
  const fieldLength = readLength(bytes, data);
  const valueLengthAt = data + lengthBytes(fieldLength);
  const valueLength = readLength(bytes, valueLengthAt);
  const fieldAt = valueLengthAt + lengthBytes(valueLength);
  field.set(bytes, fieldAt, fieldLength);
  value.set(bytes, fieldAt + fieldLength, valueLength);
}

/** Points `value` to the value at `index`. */
export function readPackedValue(bytes: Buffer, start: number, end: number, index: number, value: Slice): void {
  const data = start + lengthsPlace(bytes, slotOf(end, index));
  const fieldLength = readLength(bytes, data);
  const valueLengthAt = data + lengthBytes(fieldLength);
  const valueLength = readLength(bytes, valueLengthAt);
  value.set(bytes, valueLengthAt + lengthBytes(valueLength) + fieldLength, valueLength);
}

/**
 * Adds a field behind the others. Gives false, and changes nothing, when there is no room. The field must not be in
 * the record; `field` and `value` must not lie in it.
 */
export function appendPacked(bytes: Buffer, start: number, end: number, field: Slice, value: Slice): boolean {
  const used = packedUsed(bytes, start);
  if (used + packedFieldBytes(field.length, value.length) > end - start) return false;
  const count = packedCount(bytes, start);
  const place = dataEnd(bytes, start);
  setDataEnd(bytes, start, writeData(bytes, start + place, field, value) - start);
  setSlot(bytes, end, count, place, tagOf(field));
  changeCount(bytes, start, 1);
  return true;
}

/** How many bytes more (below 0: fewer) the record takes when the value at `index` gets this length. */
export function packedGrowth(bytes: Buffer, start: number, end: number, index: number, valueBytes: number): number {
  const data = start + lengthsPlace(bytes, slotOf(end, index));
  const oldBytes = readLength(bytes, data + lengthBytes(readLength(bytes, data)));
  return lengthBytes(valueBytes) + valueBytes - lengthBytes(oldBytes) - oldBytes;
}

/**
 * Gives the field at `index` another value. Gives false, and changes nothing, when there is no room. `value` must not
 * lie in the record.
 */
export function updatePacked(bytes: Buffer, start: number, end: number, index: number, value: Slice): boolean {
  const data = start + lengthsPlace(bytes, slotOf(end, index));
  const fieldLength = readLength(bytes, data);
  const valueLengthAt = data + lengthBytes(fieldLength);
  const oldLength = readLength(bytes, valueLengthAt);
  const fieldAt = valueLengthAt + lengthBytes(value.length);
  if (oldLength !== value.length) {
    const growth = packedGrowth(bytes, start, end, index, value.length);
    if (packedUsed(bytes, start) + growth > end - start) return false;
    const oldFieldAt = valueLengthAt + lengthBytes(oldLength);
    const behind = oldFieldAt + fieldLength + oldLength;
    // What goes to the right is moved from its right end on, so that nothing is written over.
    if (growth > 0) moveData(bytes, start, end, index + 1, behind, growth);
    if (fieldAt !== oldFieldAt) bytes.copyWithin(fieldAt, oldFieldAt, oldFieldAt + fieldLength);
    if (growth < 0) moveData(bytes, start, end, index + 1, behind, growth);
    writeLength(bytes, valueLengthAt, value.length);
  }
  copyBytes(value.bytes, value.offset, bytes, fieldAt + fieldLength, value.length);
  return true;
}

/** Takes the field at `index` out. */
export function removePacked(bytes: Buffer, start: number, end: number, index: number): void {
  const count = packedCount(bytes, start);
  const data = start + placeOf(bytes, end, index);
  const behind = index + 1 < count ? start + placeOf(bytes, end, index + 1) : start + dataEnd(bytes, start);
  moveData(bytes, start, end, index + 1, behind, data - behind);
  const slotsEnd = end - (index + 1) * SLOT_BYTES;
  const slotsStart = end - count * SLOT_BYTES;
  bytes.copyWithin(slotsStart + SLOT_BYTES, slotsStart, slotsEnd);
  changeCount(bytes, start, -1);
}

// ---- expiry

/** When the field at `index` expires, in milliseconds since the epoch; 0 for never. */
export function packedExpiry(bytes: Buffer, start: number, end: number, index: number): number {
  const slot = slotOf(end, index);
  if (bytes[slot + 1]! < 0x80) return 0;
  return bytes.readUIntLE(start + placeOf(bytes, end, index), EXPIRY_BYTES);
}

/** When the first of the fields expires; 0 when none does. */
export function nextPackedExpiry(bytes: Buffer, start: number, end: number): number {
  let next = 0;
  const count = packedCount(bytes, start);
  for (let index = 0; index < count; index++) {
    const moment = packedExpiry(bytes, start, end, index);
    if (moment > 0 && (next === 0 || moment < next)) next = moment;
  }
  return next;
}

/**
 * Sets when the field at `index` expires; 0 for never. Gives false, and changes nothing, when there is no room, which
 * takes EXPIRY_BYTES where the field did not expire.
 */
export function setPackedExpiry(
  bytes: Buffer, start: number, end: number, index: number, expiresAtMs: number,
): boolean {
  const slot = slotOf(end, index);
  const at = start + placeOf(bytes, end, index);
  const hadExpiry = bytes[slot + 1]! >= 0x80;
  if (expiresAtMs === 0) {
    if (!hadExpiry) return true;
    moveData(bytes, start, end, index + 1, at + EXPIRY_BYTES, -EXPIRY_BYTES);
    bytes[slot + 1]! &= 0x7f;
    return true;
  }
  if (!hadExpiry) {
    if (packedUsed(bytes, start) + EXPIRY_BYTES > end - start) return false;
    moveData(bytes, start, end, index + 1, at, EXPIRY_BYTES);
    bytes[slot + 1]! |= 0x80;
  }
  bytes.writeUIntLE(expiresAtMs, at, EXPIRY_BYTES);
  return true;
}

/** The bytes that an expiry takes. */
export const PACKED_EXPIRY_BYTES = EXPIRY_BYTES;

/** Copies a record to a place that may be larger or smaller, but holds it. The places must not overlap. */
export function copyPacked(
  from: Buffer, fromStart: number, fromEnd: number, to: Buffer, toStart: number, toEnd: number,
): void {
  const dataBytes = dataEnd(from, fromStart);
  const slotsBytes = packedCount(from, fromStart) * SLOT_BYTES;
  copyBytes(from, fromStart, to, toStart, dataBytes);
  copyBytes(from, fromEnd - slotsBytes, to, toEnd - slotsBytes, slotsBytes);
}

/** Moves the data from `behind` on, which begins with that of the field at `index`, by `distance`. */
function moveData(bytes: Buffer, start: number, end: number, index: number, behind: number, distance: number): void {
  const oldEnd = dataEnd(bytes, start);
  bytes.copyWithin(behind + distance, behind, start + oldEnd);
  setDataEnd(bytes, start, oldEnd + distance);
  const count = packedCount(bytes, start);
  for (let each = index; each < count; each++) {
    const slot = end - (each + 1) * SLOT_BYTES;
    const place = (bytes[slot]! | (bytes[slot + 1]! << 8)) + distance;
    bytes[slot] = place;
    bytes[slot + 1] = place >>> 8;
  }
}

// ---- the bytes of a record

/** The mark stays. */
function changeCount(bytes: Buffer, start: number, by: number): void {
  const count = (bytes[start]! | (bytes[start + 1]! << 8)) + by;
  bytes[start] = count;
  bytes[start + 1] = count >>> 8;
}

function dataEnd(bytes: Buffer, start: number): number {
  return bytes[start + 2]! | (bytes[start + 3]! << 8);
}

function setDataEnd(bytes: Buffer, start: number, place: number): void {
  bytes[start + 2] = place;
  bytes[start + 3] = place >>> 8;
}

function slotOf(end: number, index: number): number {
  return end - (index + 1) * SLOT_BYTES;
}

/** Where the data of a field begin, the expiry included. */
function placeOf(bytes: Buffer, end: number, index: number): number {
  const slot = slotOf(end, index);
  return (bytes[slot]! | (bytes[slot + 1]! << 8)) & ~EXPIRES;
}

/** Where the lengths of the field with this slot are. */
function lengthsPlace(bytes: Buffer, slot: number): number {
  const place = bytes[slot]! | (bytes[slot + 1]! << 8);
  return place < EXPIRES ? place : (place & ~EXPIRES) + EXPIRY_BYTES;
}

function setSlot(bytes: Buffer, end: number, index: number, place: number, tag: number): void {
  const slot = end - (index + 1) * SLOT_BYTES;
  bytes[slot] = place;
  bytes[slot + 1] = place >>> 8;
  bytes[slot + TAG_AT] = tag;
}

function writeData(bytes: Buffer, at: number, field: Slice, value: Slice): number {
  const fieldAt = writeLength(bytes, writeLength(bytes, at, field.length), value.length);
  const valueAt = fieldAt + field.length;
  copyBytes(field.bytes, field.offset, bytes, fieldAt, field.length);
  copyBytes(value.bytes, value.offset, bytes, valueAt, value.length);
  return valueAt + value.length;
}

/** A length is one byte up to 127, else two: the high seven bits under a set eighth, then the low eight. */
function lengthBytes(length: number): number {
  return length < 0x80 ? 1 : 2;
}

function readLength(bytes: Buffer, at: number): number {
  const first = bytes[at]!;
  return first < 0x80 ? first : ((first & 0x7f) << 8) | bytes[at + 1]!;
}

/** Gives the place behind the length. */
function writeLength(bytes: Buffer, at: number, length: number): number {
  if (length < 0x80) {
    bytes[at] = length;
    return at + 1;
  }
  bytes[at] = 0x80 | (length >>> 8);
  bytes[at + 1] = length;
  return at + 2;
}

/** One byte of a quick hash. Whoever makes tags collide gets a comparison a field, as without tags. */
function tagOf(field: Slice): number {
  const { bytes, offset, length } = field;
  let hash = length;
  for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + bytes[offset + i]!) | 0;
  return (hash ^ (hash >>> 9) ^ (hash >>> 18)) & 0xff;
}
