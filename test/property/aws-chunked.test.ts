import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GatewayError } from '../../src/model/errors.ts';
import { decodeAwsChunked } from '../../src/dialects/s3/payload/aws-chunked.ts';
import { signChunks, signedChunksLength } from '../../src/dialects/s3/signature/signed-chunks.ts';
import { readAll } from '../unit/dialects/s3/signed-requests.ts';

const seed = {
  signingKey: randomBytes(32),
  timestamp: '20261121T170000Z',
  scope: '20261121/r/s3/aws4_request',
  signature: '0'.repeat(64),
};

const content = fc.integer({ min: 0, max: 150_000 }).map((size) => randomBytes(size));
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

function cut(bytes: Buffer, at: readonly number[]): readonly Buffer[] {
  const places = [0, ...at.map((part) => Math.floor(part * bytes.length)), bytes.length].sort((a, b) => a - b);
  return places.slice(1).map((place, index) => bytes.subarray(places[index], place));
}

async function* streamOf(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield* chunks;
}

test('decoding undoes signing, however the bytes are cut on either side', async () => {
  await fc.assert(
    fc.asyncProperty(content, cuts, cuts, async (bytes, before, after) => {
      const encoded = await readAll(signChunks(streamOf(cut(bytes, before)), bytes.length, seed));
      expect(encoded.length).toBe(signedChunksLength(bytes.length));
      const form = { decodedLength: bytes.length, seed, ending: 'plain' } as const;
      const decoded = await readAll(decodeAwsChunked(streamOf(cut(encoded, after)), form));
      expect(decoded.equals(bytes)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('one changed byte anywhere is refused', async () => {
  await fc.assert(
    fc.asyncProperty(content, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), async (bytes, at) => {
      const encoded = await readAll(signChunks(streamOf([bytes]), bytes.length, seed));
      const place = Math.floor(at * encoded.length);
      encoded[place] = (encoded[place] ?? 0) ^ 1;
      const form = { decodedLength: bytes.length, seed, ending: 'plain' } as const;
      await expect(readAll(decodeAwsChunked(streamOf([encoded]), form))).rejects.toBeInstanceOf(GatewayError);
    }),
    { numRuns: 60 },
  );
});

test('garbage is refused with an error of the model, whatever it is', async () => {
  const garbage = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc
        .constantFrom(
          '\r\n',
          '0\r\n',
          '3\r\nabc\r\n',
          'x-amz-checksum-crc32:AAAAAA==\r\n',
          '\n',
          ':',
          '3;chunk-signature=',
        )
        .map((text) => Buffer.from(text)),
    ),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(garbage, fc.boolean(), async (chunks, signed) => {
      const form = {
        decodedLength: 1_000_000,
        ending: 'trailing',
        trailer: 'x-amz-checksum-crc32',
        ...(signed ? { seed } : {}),
      } as const;
      await expect(readAll(decodeAwsChunked(streamOf(chunks), form))).rejects.toBeInstanceOf(GatewayError);
    }),
    { numRuns: 300 },
  );
});
