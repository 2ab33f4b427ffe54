import type { ByteRange } from '../model/objects.ts';
import type { SealedPart } from '../model/seal.ts';
import { SEGMENT_SIZE, segmentCount, segmentOf, segmentOffset, sealedSegmentLength } from './sizes.ts';

/** What to read of one part, and which of the plaintext to keep. */
export interface PartRead {
  readonly part: SealedPart;
  readonly firstSegment: number;
  /** Inclusive. */
  readonly lastSegment: number;
  /** Ciphertext positions within the part, inclusive; from 0 when the first segment is read, so that the prefix is checked. */
  readonly first: number;
  readonly last: number;
  /** Plaintext bytes to drop before, then to keep. */
  readonly skip: number;
  readonly take: number;
}

/**
 * Translates a plaintext range into part reads, in order. No range means everything, and then empty parts are read
 * too, so that an empty object is authenticated like any other.
 */
export function partReads(parts: readonly SealedPart[], range: ByteRange | undefined): readonly PartRead[] {
  const reads: PartRead[] = [];
  let start = 0;
  for (const part of parts) {
    const length = part.plaintextLength;
    if (range === undefined) {
      reads.push(readOf(part, 0, length));
    } else {
      const from = Math.max(range.first, start) - start;
      const to = Math.min(range.last + 1, start + length) - start;
      if (from < to) reads.push(readOf(part, from, to));
    }
    start += length;
  }
  return reads;
}

/** `from` inclusive, `to` exclusive, within the part. A read up to the part's end includes an empty last segment. */
function readOf(part: SealedPart, from: number, to: number): PartRead {
  const length = part.plaintextLength;
  const firstSegment = segmentOf(from);
  const lastSegment = to === length ? segmentCount(length) - 1 : segmentOf(to - 1);
  return {
    part,
    firstSegment,
    lastSegment,
    first: firstSegment === 0 ? 0 : segmentOffset(firstSegment),
    last: segmentOffset(lastSegment) + sealedSegmentLength(lastSegment, length) - 1,
    skip: from - firstSegment * SEGMENT_SIZE,
    take: to - from,
  };
}
