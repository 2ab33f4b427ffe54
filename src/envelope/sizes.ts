/** Plaintext bytes in a segment; another size is another suite, never a parameter. */
export const SEGMENT_SIZE = 16_384;
/** GCM tag at the end of every segment. */
export const TAG_SIZE = 16;
export const SEALED_SEGMENT_SIZE = SEGMENT_SIZE + TAG_SIZE;
export const SALT_SIZE = 24;
export const COMMITMENT_SIZE = 32;
/** What stands before the first segment: salt, then commitment. */
export const PREFIX_SIZE = SALT_SIZE + COMMITMENT_SIZE;
/** Bytes of a data key. */
export const DATA_KEY_SIZE = 32;
/** Segments that one key may see (C2SP chunked-encryption; a 2^52-byte part). */
export const MAX_SEGMENTS = 2 ** 38;

/** How many segments a part of so many plaintext bytes has: the last is always shorter than a full one, maybe empty. */
export function segmentCount(plaintextLength: number): number {
  return Math.floor(plaintextLength / SEGMENT_SIZE) + 1;
}

/** Bytes at the store of a sealed part of so many plaintext bytes. */
export function sealedLength(plaintextLength: number): number {
  return PREFIX_SIZE + plaintextLength + segmentCount(plaintextLength) * TAG_SIZE;
}

/** Plaintext bytes of a sealed part, undefined for a length that no sealed part has (a truncated one). */
export function plaintextLength(sealed: number): number | undefined {
  if (!Number.isSafeInteger(sealed) || sealed < PREFIX_SIZE + TAG_SIZE) return undefined;
  const body = sealed - PREFIX_SIZE;
  const full = Math.floor(body / SEALED_SEGMENT_SIZE);
  const rest = body - full * SEALED_SEGMENT_SIZE;
  return rest < TAG_SIZE ? undefined : full * SEGMENT_SIZE + rest - TAG_SIZE;
}

/** Which segment holds a plaintext position. */
export function segmentOf(position: number): number {
  return Math.floor(position / SEGMENT_SIZE);
}

/** Where a segment begins within its sealed part. */
export function segmentOffset(index: number): number {
  return PREFIX_SIZE + index * SEALED_SEGMENT_SIZE;
}

/** Bytes at the store of one segment of a part of so many plaintext bytes. */
export function sealedSegmentLength(index: number, partLength: number): number {
  const last = segmentCount(partLength) - 1;
  return index < last ? SEALED_SEGMENT_SIZE : (partLength % SEGMENT_SIZE) + TAG_SIZE;
}
