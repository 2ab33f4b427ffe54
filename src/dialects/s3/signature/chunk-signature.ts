import { createHash, createHmac } from 'node:crypto';

/** What chunk signatures of one request are chained from. */
export interface ChunkSignatureSeed {
  readonly signingKey: Buffer;
  /** `20261121T170000Z` */
  readonly timestamp: string;
  readonly scope: string;
  /** The request's own signature, hex. */
  readonly signature: string;
}

/** Hex SHA-256 of nothing. */
export const EMPTY_SHA256 = createHash('sha256').digest('hex');

/** The signature of a chunk: hex, chained to the previous one. */
export function chunkSignature(seed: ChunkSignatureSeed, previous: string, chunkSha256: string): string {
  return sign(seed, ['AWS4-HMAC-SHA256-PAYLOAD', seed.timestamp, seed.scope, previous, EMPTY_SHA256, chunkSha256]);
}

/** The signature of the trailers, `name:value\n` each; hex, chained to the last chunk's. */
export function trailerSignature(seed: ChunkSignatureSeed, previous: string, trailers: string): string {
  const hash = createHash('sha256').update(trailers, 'latin1').digest('hex');
  return sign(seed, ['AWS4-HMAC-SHA256-TRAILER', seed.timestamp, seed.scope, previous, hash]);
}

function sign(seed: ChunkSignatureSeed, lines: readonly string[]): string {
  return createHmac('sha256', seed.signingKey).update(lines.join('\n'), 'latin1').digest('hex');
}
