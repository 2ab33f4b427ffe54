import type { ByteStream } from '../model/body.ts';
import { openMessage, sealMessageInto } from './aead.ts';
import { integrityError } from './integrity-error.ts';
import { NONCE_SIZE, partPrefix, segmentNonce, type PartKey } from './part-key.ts';
import {
  PREFIX_SIZE,
  SEALED_SEGMENT_SIZE,
  SEGMENT_SIZE,
  TAG_SIZE,
  sealedSegmentLength,
  segmentCount,
} from './sizes.ts';

/** Segments in one output buffer: 256 KiB keeps the event loop free (about half a millisecond) and writes few. */
const SEGMENTS_PER_BLOCK = 16;

/**
 * Seals a stream of any chunking: prefix, then segments, in blocks of up to 256 KiB. Nothing of the last segment is
 * made before the source has ended well, so a source that throws leaves a stream that no one can open.
 * `plaintextLength` only sizes the first buffer.
 */
export async function* sealStream(
  part: PartKey,
  bytes: ByteStream,
  plaintextLength?: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const nonce = Buffer.alloc(NONCE_SIZE);
  const pending = Buffer.allocUnsafe(SEGMENT_SIZE);
  let held = 0;
  let index = 0;
  let block = newBlock(plaintextLength);
  let used = partPrefix(part).copy(block);

  const seal = (segment: Uint8Array): void => {
    used = sealMessageInto(part.key, segmentNonce(part.baseNonce, index, nonce), segment, block, used);
    index += 1;
  };

  for await (const chunk of bytes) {
    let offset = 0;
    while (offset < chunk.length) {
      const take = Math.min(SEGMENT_SIZE - held, chunk.length - offset);
      if (take === SEGMENT_SIZE) {
        seal(chunk.subarray(offset, offset + take));
      } else {
        pending.set(chunk.subarray(offset, offset + take), held);
        held += take;
        if (held === SEGMENT_SIZE) {
          seal(pending);
          held = 0;
        }
      }
      offset += take;
      if (used + SEALED_SEGMENT_SIZE > block.length) {
        yield block.subarray(0, used);
        block = newBlock();
        used = 0;
      }
    }
  }
  seal(pending.subarray(0, held));
  pending.fill(0);
  yield block.subarray(0, used);
}

/** Always with room for one more full segment, so that the last one fits wherever it falls. */
function newBlock(plaintextLength?: number): Buffer {
  const segments = plaintextLength === undefined ? SEGMENTS_PER_BLOCK : segmentCount(plaintextLength);
  return Buffer.allocUnsafe(PREFIX_SIZE + Math.min(SEGMENTS_PER_BLOCK, segments) * SEALED_SEGMENT_SIZE);
}

/** Which segments of a part a ciphertext stream carries. */
export interface SegmentRun {
  readonly first: number;
  /** Inclusive. */
  readonly last: number;
  /** Plaintext bytes of the whole part, from an authenticated source: it says which segment is the last. */
  readonly plaintextLength: number;
  /** The 56-byte prefix stands before the first segment of the stream. */
  readonly prefixed: boolean;
  /** Segments in one block of plaintext; 16 unless told. */
  readonly block?: number;
}

/**
 * Opens a run of segments in blocks of up to `run.block` segments of plaintext. Only whole authenticated segments leave;
 * bytes missing, bytes beyond the run and a foreign prefix are one uniform `InternalError`. The last block stays here until
 * the run has ended well: with it a reader has all the bytes that it was promised and may not ask for more. Between two
 * blocks nothing of the ciphertext is held but what is left of a segment.
 */
export async function* openStream(
  part: PartKey,
  run: SegmentRun,
  bytes: ByteStream,
): AsyncGenerator<Uint8Array, void, undefined> {
  const opener = createOpener(part, run);
  const source = bytes[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const blocks = await openNext(source, opener);
      if (blocks === undefined) break;
      yield* blocks;
    }
    ended = true;
    const rest = opener.finish();
    if (rest !== undefined) yield rest;
  } finally {
    if (!ended) await source.return?.();
  }
}

/** In a function of its own: a generator that waits for its reader keeps every chunk that it can still see. */
async function openNext(source: AsyncIterator<Uint8Array>, opener: Opener): Promise<readonly Uint8Array[] | undefined> {
  const step = await source.next();
  return step.done === true ? undefined : opener.open(step.value);
}

interface Opener {
  /** The blocks that became full with this chunk. */
  readonly open: (chunk: Uint8Array) => readonly Uint8Array[];
  /** What is left when the ciphertext has ended. */
  readonly finish: () => Uint8Array | undefined;
}

function createOpener(part: PartKey, run: SegmentRun): Opener {
  const nonce = Buffer.alloc(NONCE_SIZE);
  let pending: Buffer | undefined;
  let held = 0;
  let prefixLeft = run.prefixed;
  let index = run.first;
  let wanted = prefixLeft ? PREFIX_SIZE : sealedSegmentLength(index, run.plaintextLength);
  let block = Buffer.allocUnsafe(0);
  let used = 0;

  const accept = (piece: Uint8Array): void => {
    if (prefixLeft) {
      if (!partPrefix(part).equals(piece)) throw integrityError('the part begins with a foreign prefix');
      prefixLeft = false;
    } else {
      const plaintext = openMessage(part.key, segmentNonce(part.baseNonce, index, nonce), piece);
      if (plaintext === undefined) throw integrityError(`segment ${index} is not authentic`);
      if (block.length === 0) block = Buffer.allocUnsafeSlow(blockSize(run, index));
      block.set(plaintext, used);
      used += plaintext.length;
      index += 1;
    }
    wanted = index > run.last ? 0 : sealedSegmentLength(index, run.plaintextLength);
  };

  return {
    open: (chunk) => {
      const full: Uint8Array[] = [];
      let offset = 0;
      while (offset < chunk.length) {
        if (wanted === 0) throw integrityError('bytes follow the last segment');
        const take = Math.min(wanted - held, chunk.length - offset);
        const piece = chunk.subarray(offset, offset + take);
        if (take === wanted) {
          accept(piece);
        } else {
          pending ??= Buffer.allocUnsafeSlow(SEALED_SEGMENT_SIZE);
          pending.set(piece, held);
          held += take;
          if (held === wanted) {
            held = 0;
            accept(pending.subarray(0, wanted));
          }
        }
        offset += take;
        if (used === block.length && used > 0 && plaintextFollows(run, index)) {
          full.push(block);
          block = Buffer.allocUnsafe(0);
          used = 0;
        }
      }
      return full;
    },
    finish: () => {
      if (wanted !== 0) throw integrityError('the part ends early');
      return used > 0 ? block.subarray(0, used) : undefined;
    },
  };
}

/** Whether segments from `index` on hold plaintext; the last of a part may be empty. */
function plaintextFollows(run: SegmentRun, index: number): boolean {
  return index < run.last || (index === run.last && sealedSegmentLength(index, run.plaintextLength) > TAG_SIZE);
}

function blockSize(run: SegmentRun, index: number): number {
  const segments = Math.min(run.block ?? SEGMENTS_PER_BLOCK, run.last - index + 1);
  const last = sealedSegmentLength(index + segments - 1, run.plaintextLength) - TAG_SIZE;
  return (segments - 1) * SEGMENT_SIZE + last;
}
