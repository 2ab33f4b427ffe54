import { createHash, createHmac, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decodeAwsChunked } from '../../../../src/dialects/s3/payload/aws-chunked.ts';
import type { ChunkedForm } from '../../../../src/dialects/s3/payload/aws-chunked.ts';
import { decodeMetadata } from '../../../../src/dialects/s3/words/metadata.ts';
import { signChunks, signedChunksLength } from '../../../../src/dialects/s3/signature/signed-chunks.ts';
import { verifyS3 } from '../../../../src/dialects/s3/verification.ts';
import { parseBasicDate } from '../../../../src/wire/http-date.ts';
import vectors from '../../../vectors/s3/aws-chunked.json' with { type: 'json' };
import { keyFor } from './independent-signer.ts';
import { credentialOf, readAll, refusalOf, refusalOfReading, verifyContext, wireRequest } from './signed-requests.ts';

const scope = `20130524/${vectors.region}/s3/aws4_request`;
const context = verifyContext(parseBasicDate(vectors.timestamp) ?? 0, [
  credentialOf(vectors.accessKeyId, vectors.secretAccessKey),
]);
const payload = Buffer.alloc(66_560, vectors.body.character);
const EMPTY = createHash('sha256').digest('hex');

/** Chunk and trailer signatures by code that shares nothing with the decoder. */
function encode(
  seed: string,
  key: Buffer,
  chunks: readonly Buffer[],
  trailer?: string,
): { readonly bytes: Buffer; readonly signatures: readonly string[] } {
  const signatures: string[] = [];
  let previous = seed;
  const next = (...lines: string[]): string => {
    previous = createHmac('sha256', key)
      .update([lines[0], vectors.timestamp, scope, previous, ...lines.slice(1)].join('\n'))
      .digest('hex');
    signatures.push(previous);
    return previous;
  };
  const parts: Buffer[] = [];
  for (const chunk of [...chunks, Buffer.alloc(0)]) {
    const signature = next('AWS4-HMAC-SHA256-PAYLOAD', EMPTY, createHash('sha256').update(chunk).digest('hex'));
    parts.push(Buffer.from(`${chunk.length.toString(16)};chunk-signature=${signature}\r\n`), chunk);
    if (chunk.length > 0) parts.push(Buffer.from('\r\n'));
  }
  if (trailer !== undefined) {
    const signature = next('AWS4-HMAC-SHA256-TRAILER', createHash('sha256').update(`${trailer}\n`).digest('hex'));
    parts.push(Buffer.from(`${trailer}\r\nx-amz-trailer-signature:${signature}\r\n`));
  }
  return { bytes: Buffer.concat([...parts, Buffer.from('\r\n')]), signatures };
}

const key = keyFor(vectors.secretAccessKey, scope);
const plain = encode(vectors.plain.seed, key, [payload.subarray(0, 65_536), payload.subarray(65_536)]);
const trailing = encode(
  vectors.trailing.seed,
  key,
  [payload.subarray(0, 65_536), payload.subarray(65_536)],
  vectors.trailing.trailer,
);

function upload(form: typeof vectors.plain | typeof vectors.trailing, body: Iterable<Uint8Array>) {
  return wireRequest({
    method: 'PUT',
    target: vectors.target,
    headers: {
      ...form.headers,
      host: vectors.host,
      'x-amz-date': vectors.timestamp,
      authorization: `AWS4-HMAC-SHA256 Credential=${vectors.accessKeyId}/${scope},SignedHeaders=${form.signedHeaders},Signature=${form.seed}`,
    },
    body,
  });
}

describe('the published vectors', () => {
  test('chunks: the seed is accepted, every signature is as documented, the payload comes out', async () => {
    expect(plain.signatures).toEqual(vectors.plain.signatures);
    expect(plain.bytes.length).toBe(66_824);
    const verified = verifyS3(upload(vectors.plain, [plain.bytes]), context);
    expect(verified.body.length).toBe(66_560);
    expect(await readAll(verified.body.bytes)).toEqual(payload);
  });

  test('chunks and trailer: the same, with the checksum judged', async () => {
    const [trailer = '', ...reversed] = [...trailing.signatures].reverse();
    const short = (signature: string): string => `${signature.slice(0, 8)}…${signature.slice(-4)}`;
    expect(reversed.reverse().map(short)).toEqual(vectors.trailing.documented.chunks);
    expect(short(trailer)).toBe(vectors.trailing.documented.trailer);
    const verified = verifyS3(upload(vectors.trailing, [trailing.bytes]), context);
    expect(verified.body.checksum?.algorithm).toBe('CRC32C');
    expect(verified.body.checksum?.value()).toBeUndefined();
    expect(await readAll(verified.body.bytes)).toEqual(payload);
    expect(verified.body.checksum?.value()).toBe('sOO8/Q==');
  });

  test('the encoder makes the same chunks, of the length that it promised', async () => {
    const seed = { signingKey: key, timestamp: vectors.timestamp, scope, signature: vectors.plain.seed };
    const pieces = [payload.subarray(0, 1), payload.subarray(1, 60_000), payload.subarray(60_000)];
    expect(await readAll(signChunks(streamOf(pieces), 66_560, seed))).toEqual(plain.bytes);
    expect(signedChunksLength(66_560)).toBe(66_824);
    for (const length of [0, 1, 65_535, 65_536, 65_537, 131_072]) {
      const bytes = randomBytes(length);
      const encoded = await readAll(signChunks(streamOf([bytes]), length, seed));
      expect(encoded.length).toBe(signedChunksLength(length));
      expect(
        await readAll(decodeAwsChunked(streamOf([encoded]), { decodedLength: length, seed, ending: 'plain' })),
      ).toEqual(bytes);
    }
  });

  test('the encoder breaks off where the source has another length', async () => {
    const seed = { signingKey: key, timestamp: vectors.timestamp, scope, signature: vectors.plain.seed };
    for (const declared of [9, 11])
      expect((await refusalOfReading(signChunks(streamOf([randomBytes(10)]), declared, seed))).code).toBe(
        'InternalError',
      );
  });
});

describe('tampering', () => {
  test.each([0, 20, 60, 86, 40_000, 65_700, 66_700, 66_740])('a bit changed at byte %i is refused', async (at) => {
    const bytes = Buffer.from(plain.bytes);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    const { body } = verifyS3(upload(vectors.plain, [bytes]), context);
    expect(['SignatureDoesNotMatch', 'IncompleteBody']).toContain((await refusalOfReading(body.bytes)).code);
  });

  test('chunks in another order are refused', async () => {
    const first = randomBytes(8192);
    const second = randomBytes(8192);
    const good = encode(vectors.plain.seed, key, [first, second]).bytes;
    const size = 8192 + 4 + 81 + 2 + 2;
    const swapped = Buffer.concat([good.subarray(size, 2 * size), good.subarray(0, size), good.subarray(2 * size)]);
    const form = { decodedLength: 16_384, seed: seedOf(vectors.plain.seed), ending: 'plain' } as const;
    expect(await readAll(decodeAwsChunked(streamOf([good]), form))).toEqual(Buffer.concat([first, second]));
    expect((await refusalOfReading(decodeAwsChunked(streamOf([swapped]), form))).code).toBe('SignatureDoesNotMatch');
  });

  test('the last piece of a chunk with a wrong signature is never handed on', async () => {
    const good = encode(vectors.plain.seed, key, [randomBytes(8192)]).bytes;
    const bad = Buffer.from(good);
    bad[8000] = (bad[8000] ?? 0) ^ 1;
    let seen = 0;
    const form = { decodedLength: 8192, seed: seedOf(vectors.plain.seed), ending: 'plain' } as const;
    await expect(async () => {
      for await (const piece of decodeAwsChunked(streamOf([bad.subarray(0, 500), bad.subarray(500)]), form))
        seen += piece.length;
    }).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' });
    expect(seen).toBeLessThan(500);
  });

  test.each([
    ['a trailer value', 'sOO8/Q==', 'sOO8/A==', 'SignatureDoesNotMatch'],
    ['a trailer signature', 'trailer-signature:d8', 'trailer-signature:d9', 'SignatureDoesNotMatch'],
    ['a trailer name', 'checksum-crc32c:', 'checksum-crc32d:', 'SignatureDoesNotMatch'],
  ])('%s that was changed is refused', async (_name, from, to, code) => {
    const bytes = Buffer.from(trailing.bytes.toString('latin1').replace(from, to), 'latin1');
    const { body } = verifyS3(upload(vectors.trailing, [bytes]), context);
    expect((await refusalOfReading(body.bytes)).code).toBe(code);
  });

  test('a trailer without its signature is refused', async () => {
    const text = trailing.bytes.toString('latin1').replace(/x-amz-trailer-signature:[0-9a-f]+\r\n/, '');
    const { body } = verifyS3(upload(vectors.trailing, [Buffer.from(text, 'latin1')]), context);
    expect((await refusalOfReading(body.bytes)).code).toBe('MalformedTrailerError');
  });
});

describe('every split of the bytes', () => {
  test('gives the same payload, signed and unsigned', async () => {
    const content = randomBytes(8200);
    const chunks = [content.subarray(0, 8192), content.subarray(8192)];
    const crc = 'AAAAAA==';
    const signed = encode(vectors.trailing.seed, key, chunks, `x-amz-checksum-crc32:${crc}`).bytes;
    const unsigned = unsignedChunks(chunks, `x-amz-checksum-crc32:${crc}\r\n\r\n`);
    for (const [bytes, seed] of [
      [signed, seedOf(vectors.trailing.seed)],
      [unsigned, undefined],
    ] as const) {
      const decode = (source: readonly Uint8Array[]) => {
        let value: string | undefined;
        const form: ChunkedForm = {
          decodedLength: content.length,
          ...(seed === undefined ? {} : { seed }),
          ending: 'trailing',
          trailer: 'x-amz-checksum-crc32',
          onTrailer: (text) => (value = text),
        };
        return readAll(decodeAwsChunked(streamOf(source), form)).then((decoded) => ({ decoded, value }));
      };
      const interesting = (at: number): boolean => at < 120 || at > 8150;
      for (let at = 0; at <= bytes.length; at++) {
        if (!interesting(at)) continue;
        const { decoded, value } = await decode([bytes.subarray(0, at), bytes.subarray(at)]);
        expect(decoded.equals(content)).toBe(true);
        expect(value).toBe(crc);
      }
      const single = await decode([...bytes].map((byte) => Uint8Array.of(byte)));
      expect(single.decoded.equals(content)).toBe(true);
    }
  }, 60_000);

  test('every early end is refused', async () => {
    const content = randomBytes(100);
    const form = { decodedLength: 100, ending: 'trailing', trailer: 'x-amz-checksum-crc32' } as const;
    const bytes = unsignedChunks([content], 'x-amz-checksum-crc32:AAAAAA==\r\n\r\n');
    for (let at = 0; at < bytes.length; at++)
      expect(['IncompleteBody', 'MalformedTrailerError']).toContain(
        (await refusalOfReading(decodeAwsChunked(streamOf([bytes.subarray(0, at)]), form))).code,
      );
  });
});

describe('malformed unsigned chunks', () => {
  const decode = (text: string, decodedLength: number, more: Partial<ChunkedForm> = {}) =>
    decodeAwsChunked(streamOf([Buffer.from(text, 'latin1')]), { decodedLength, ending: 'trailing', ...more });
  const trailer = { trailer: 'x-amz-checksum-crc32' };

  test.each([
    ['FFFFFFFFFFFFFFFF\r\nabc', 3, 'IncompleteBody'],
    ['-1\r\nabc\r\n0\r\n\r\n', 3, 'IncompleteBody'],
    ['0x3\r\nabc\r\n0\r\n\r\n', 3, 'IncompleteBody'],
    [' 3\r\nabc\r\n0\r\n\r\n', 3, 'IncompleteBody'],
    ['3 \r\nabc\r\n0\r\n\r\n', 3, 'IncompleteBody'],
    ['00000000000000003\r\nabc\r\n0\r\n\r\n', 3, 'IncompleteBody'],
    ['\r\nabc\r\n0\r\n\r\n', 3, 'IncompleteBody'],
    ['3\nabc\r\n0\r\n\r\n', 3, 'IncompleteBody'],
    ['3\r\nabc0\r\n\r\n', 3, 'IncompleteBody'],
    ['3\r\nabcd\r\n0\r\n\r\n', 3, 'IncompleteBody'],
    ['3\r\nabc\r\n0\r\n\r\n', 4, 'IncompleteBody'],
    ['3\r\nabc\r\n0\r\n\r\n', 2, 'IncompleteBody'],
    ['3;chunk-signature=\r\nabc\r\n0\r\n\r\n', 3, 'IncompleteBody'],
    [`3;${'x'.repeat(300)}\r\nabc\r\n0\r\n\r\n`, 3, 'IncompleteBody'],
    ['', 0, 'IncompleteBody'],
    ['0\r\n', 0, 'IncompleteBody'],
    ['0\r\n\r\nGET / HTTP/1.1\r\n\r\n', 0, 'MalformedTrailerError'],
    ['0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n', 0, 'MalformedTrailerError'],
    [`0\r\n${'x'.repeat(5000)}`, 0, 'MalformedTrailerError'],
  ])('%j of %i bytes: %s', async (text, length, code) => {
    expect((await refusalOfReading(decode(text, length))).code).toBe(code);
  });

  test.each([
    '0\r\n\r\n',
    '0\r\nx-amz-checksum-sha1:AAAA\r\n\r\n',
    '0\r\nx-amz-checksum-crc32:AAAAAA==\r\nx-amz-meta-a:b\r\n\r\n',
    '0\r\nx-amz-checksum-crc32:AAAAAA==\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n',
    '0\r\nx-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:00\r\n\r\n',
    '0\r\nx-amz-checksum-crc32 AAAAAA==\r\n\r\n',
  ])('an announced trailer that does not come alone: %j', async (text) => {
    expect((await refusalOfReading(decode(text, 0, trailer))).code).toBe('MalformedTrailerError');
  });

  test('a trailer as minio-go ends it is accepted', async () => {
    expect((await readAll(decode('0\r\nx-amz-checksum-crc32:AAAAAA==\n\r\n\r\n', 0, trailer))).length).toBe(0);
  });

  test('only the last chunk may have less than 8192 bytes', async () => {
    const chunk = (size: number): string => `${size.toString(16)}\r\n${'a'.repeat(size)}\r\n`;
    expect((await readAll(decode(`${chunk(8192)}${chunk(1)}0\r\n\r\n`, 8193))).length).toBe(8193);
    expect(await refusalOfReading(decode(`${chunk(8192)}${chunk(8191)}${chunk(1)}0\r\n\r\n`, 16_384))).toMatchObject({
      code: 'InvalidChunkSizeError',
      details: { Chunk: 2, BadChunkSize: 8191 },
    });
  });

  test('signed chunks need a signature of 64 digits', async () => {
    for (const header of [
      '3',
      '3;chunk-signature=',
      `3;chunk-signature=${'0'.repeat(63)}`,
      `3;chunk-signature=${'0'.repeat(64)};x`,
    ])
      expect(
        (
          await refusalOfReading(
            decode(`${header}\r\nabc\r\n`, 3, { seed: seedOf(vectors.plain.seed), ending: 'plain' }),
          )
        ).code,
      ).toBe('IncompleteBody');
  });
});

test('only the transfer’s token leaves Content-Encoding', () => {
  const stored = (encoding: string) => decodeMetadata([['content-encoding', encoding]]).contentEncoding;
  expect(stored('aws-chunked')).toBeUndefined();
  expect(stored('aws-chunked,gzip')).toBe('gzip');
  expect(stored('gzip, AWS-Chunked, br')).toBe('gzip, br');
});

test('a seed with one digit changed is refused before the body', () => {
  const wire = upload({ ...vectors.plain, seed: vectors.plain.seed.replace(/^4/, '5') }, []);
  expect(refusalOf(() => verifyS3(wire, context)).code).toBe('SignatureDoesNotMatch');
});

function seedOf(signature: string) {
  return { signingKey: key, timestamp: vectors.timestamp, scope, signature };
}

function unsignedChunks(chunks: readonly Buffer[], tail: string): Buffer {
  const parts = chunks.flatMap((chunk) => [
    Buffer.from(`${chunk.length.toString(16)}\r\n`),
    chunk,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...parts, Buffer.from(`0\r\n${tail}`)]);
}

async function* streamOf(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield* chunks;
}
