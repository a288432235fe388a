/**
 * Ranges of a sorted set, by score or by member, as commands name them: each end is in the range or just outside it.
 * A range by member makes sense where all scores are the same.
 */
import { Slice, compareBytes } from '../util/bytes.js';

export interface Range {
  /** Nothing can lie in it. */
  readonly isEmpty: boolean;
  /** No member is above it. */
  readonly reachesEnd: boolean;
  /** Whether a member is not below the range, whatever its upper end. */
  isFromMin(score: number, member: Slice): boolean;
  /** Whether a member is not above the range, whatever its lower end. */
  isToMax(score: number, member: Slice): boolean;
}

export interface ScoreEnd {
  score: number;
  isOutside: boolean;
}

export class ScoreRange implements Range {
  constructor(
    private readonly min: ScoreEnd,
    private readonly max: ScoreEnd,
  ) {}

  get isEmpty(): boolean {
    const { min, max } = this;
    return min.score > max.score || (min.score === max.score && (min.isOutside || max.isOutside));
  }

  get reachesEnd(): boolean {
    return this.max.score === Infinity && !this.max.isOutside;
  }

  isFromMin(score: number): boolean {
    return this.min.isOutside ? score > this.min.score : score >= this.min.score;
  }

  isToMax(score: number): boolean {
    return this.max.isOutside ? score < this.max.score : score <= this.max.score;
  }
}

export interface MemberEnd {
  /** `first` is below all members, `last` above them. */
  member: Slice | 'first' | 'last';
  isOutside: boolean;
}

export class MemberRange implements Range {
  constructor(
    private readonly min: MemberEnd,
    private readonly max: MemberEnd,
  ) {}

  get isEmpty(): boolean {
    const order = compareEnds(this.min.member, this.max.member);
    return order > 0 || (order === 0 && (this.min.isOutside || this.max.isOutside));
  }

  get reachesEnd(): boolean {
    return this.max.member === 'last';
  }

  isFromMin(_score: number, member: Slice): boolean {
    const order = compareEnds(member, this.min.member);
    return this.min.isOutside ? order > 0 : order >= 0;
  }

  isToMax(_score: number, member: Slice): boolean {
    const order = compareEnds(member, this.max.member);
    return this.max.isOutside ? order < 0 : order <= 0;
  }
}

function compareEnds(a: MemberEnd['member'], b: MemberEnd['member']): number {
  if (a === b) return 0;
  if (a === 'first' || b === 'last') return -1;
  if (a === 'last' || b === 'first') return 1;
  return compareBytes(a.bytes, a.offset, a.length, b.bytes, b.offset, b.length);
}
