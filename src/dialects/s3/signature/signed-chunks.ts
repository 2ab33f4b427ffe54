import { createHash } from 'node:crypto';
import { GatewayError } from '../../../model/errors.ts';
import { chunkSignature, EMPTY_SHA256 } from './chunk-signature.ts';
import type { ChunkSignatureSeed } from './chunk-signature.ts';

/** Payload bytes in each chunk but the last. */
const CHUNK_SIZE = 65_536;
// `;chunk-signature=` + 64 hex digits + two CRLFs
const CHUNK_OVERHEAD = 17 + 64 + 4;

/** Length of a payload once it is in signed chunks. */
export function signedChunksLength(length: number): number {
  const full = Math.floor(length / CHUNK_SIZE);
  const last = length % CHUNK_SIZE;
  return full * chunkLength(CHUNK_SIZE) + (last > 0 ? chunkLength(last) : 0) + chunkLength(0);
}

/**
 * Encodes a payload as `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`. The last chunk goes out only after the source has ended
 * well and with exactly `length` bytes, so a broken source never makes a complete payload.
 */
export async function* signChunks(
  bytes: AsyncIterable<Uint8Array>,
  length: number,
  seed: ChunkSignatureSeed,
): AsyncGenerator<Uint8Array, void, undefined> {
  let previous = seed.signature;
  let gathered: Uint8Array[] = [];
  let size = 0;
  let total = 0;
  const header = (): Buffer => {
    const hash = createHash('sha256');
    for (const piece of gathered) hash.update(piece);
    previous = chunkSignature(seed, previous, size === 0 ? EMPTY_SHA256 : hash.digest('hex'));
    return Buffer.from(`${size.toString(16)};chunk-signature=${previous}\r\n`, 'latin1');
  };
  for await (const chunk of bytes) {
    total += chunk.length;
    if (total > length) throw unlikeDeclared(total, length);
    for (let at = 0; at < chunk.length;) {
      // A full chunk waits for more: the last one is sent only once the source has ended.
      if (size === CHUNK_SIZE) {
        yield header();
        yield* gathered;
        yield CRLF;
        [gathered, size] = [[], 0];
      }
      const piece = chunk.subarray(at, at + CHUNK_SIZE - size);
      gathered.push(piece);
      size += piece.length;
      at += piece.length;
    }
  }
  if (total !== length) throw unlikeDeclared(total, length);
  if (size > 0) {
    yield header();
    yield* gathered;
    yield CRLF;
    [gathered, size] = [[], 0];
  }
  yield header();
  yield CRLF;
}

const CRLF = Buffer.from('\r\n', 'latin1');

function chunkLength(size: number): number {
  return size.toString(16).length + size + CHUNK_OVERHEAD;
}

function unlikeDeclared(actual: number, declared: number): GatewayError {
  return new GatewayError('InternalError', `A payload of ${declared} bytes had ${actual} or more.`);
}
