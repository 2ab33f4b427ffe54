import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { committedPartKey, derivePartKey, partContext, type PartKey } from '../../../src/envelope/part-key.ts';
import { openMessage, sealMessage } from '../../../src/envelope/aead.ts';
import { plaintextLength, segmentCount } from '../../../src/envelope/sizes.ts';
import { openStream, sealStream } from '../../../src/envelope/stream.ts';
import { GatewayError } from '../../../src/model/errors.ts';
import { chunked, collect, drain, pattern } from './byte-streams.ts';

const SEGMENT = 16_384;
const SEALED = 16_400;
const place = { bucket: 'orders', oid: 'ab'.repeat(16), uploadId: '', number: 1 };
const dataKey = randomBytes(32);

function keyFor(context = partContext(place), key = dataKey): PartKey {
  return derivePartKey(key, randomBytes(24), context);
}

/** Opens as a reader does: the whole part, of a length that it knows. */
function open(part: PartKey, sealed: Uint8Array, length: number, sizes?: readonly number[]) {
  const run = { first: 0, last: segmentCount(length) - 1, plaintextLength: length, prefixed: true };
  return drain(openStream(part, run, chunked(sealed, sizes)));
}

function expectRefusal(error: unknown): void {
  expect(error).toBeInstanceOf(GatewayError);
  expect((error as GatewayError).code).toBe('InternalError');
  expect((error as GatewayError).message).toBe('We encountered an internal error. Please try again.');
}

function cut(sealed: Buffer): { readonly prefix: Buffer; readonly segments: readonly Buffer[] } {
  const segments: Buffer[] = [];
  for (let offset = 56; offset < sealed.length; offset += SEALED)
    segments.push(sealed.subarray(offset, offset + SEALED));
  return { prefix: sealed.subarray(0, 56), segments };
}

const THREE = pattern(2 * SEGMENT + 100);

/** The shape of the CCTV list for STREAM, and swaps of our own: name → altered bytes of a three-segment part. */
const TAMPERINGS: readonly [string, (prefix: Buffer, segments: readonly Buffer[]) => readonly Buffer[]][] = [
  ['nothing at all', () => []],
  ['a short prefix', (prefix) => [prefix.subarray(0, 55)]],
  ['the prefix alone, no segment', (prefix) => [prefix]],
  ['no final segment', (prefix, [a, b]) => [prefix, a!, b!]],
  ['the first segment alone', (prefix, [a]) => [prefix, a!]],
  ['the last segment without its tag', (prefix, [a, b, c]) => [prefix, a!, b!, c!.subarray(0, -16)]],
  ['the last segment one byte short', (prefix, [a, b, c]) => [prefix, a!, b!, c!.subarray(0, -1)]],
  ['a byte after the end', (prefix, [a, b, c]) => [prefix, a!, b!, c!, Buffer.alloc(1)]],
  ['a segment after the end', (prefix, [a, b, c]) => [prefix, a!, b!, c!, b!]],
  ['two final segments', (prefix, [a, b, c]) => [prefix, a!, b!, c!, c!]],
  ['segments swapped', (prefix, [a, b, c]) => [prefix, b!, a!, c!]],
  ['a segment duplicated', (prefix, [a, , c]) => [prefix, a!, a!, c!]],
  ['a segment dropped', (prefix, [, b, c]) => [prefix, b!, c!]],
  ['a bad tag on the first segment', (prefix, [a, b, c]) => [prefix, flip(a!, -1), b!, c!]],
  ['a bad tag on the second segment', (prefix, [a, b, c]) => [prefix, a!, flip(b!, -16), c!]],
  ['a bad tag on the last segment', (prefix, [a, b, c]) => [prefix, a!, b!, flip(c!, -1)]],
  ['an altered byte', (prefix, [a, b, c]) => [prefix, a!, flip(b!, 5000), c!]],
  ['an altered salt', (prefix, [a, b, c]) => [flip(prefix, 3), a!, b!, c!]],
  ['an altered commitment', (prefix, [a, b, c]) => [flip(prefix, 40), a!, b!, c!]],
];

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = copy[index]! ^ 1;
  return copy;
}

describe('a tampered part is refused', () => {
  test.each(TAMPERINGS)('%s', async (_name, alter) => {
    const part = keyFor();
    const { prefix, segments } = cut(await collect(sealStream(part, chunked(THREE))));
    const altered = Buffer.concat(alter(prefix, segments));
    for (const sizes of [[100_000], [1000], [16_400]]) {
      const opened = await open(part, altered, THREE.length, sizes);
      expectRefusal(opened.error);
      expect(opened.bytes.equals(THREE.subarray(0, opened.bytes.length))).toBe(true);
    }
  });

  test('every single bit of a small part counts', async () => {
    const part = keyFor();
    const sealed = await collect(sealStream(part, chunked(Buffer.from('secret'))));
    for (let index = 0; index < sealed.length; index += 1) {
      const opened = await open(part, flip(sealed, index), 6);
      expectRefusal(opened.error);
      expect(opened.bytes.length).toBe(0);
    }
  });

  test('a corrupt segment gives out none of its bytes', async () => {
    const part = keyFor();
    const plaintext = pattern(40 * SEGMENT + 5);
    const { prefix, segments } = cut(await collect(sealStream(part, chunked(plaintext))));
    const altered = Buffer.concat([
      prefix,
      ...segments.map((segment, index) => (index === 20 ? flip(segment, -1) : segment)),
    ]);
    const { bytes, error } = await open(part, altered, plaintext.length, [777]);
    expectRefusal(error);
    expect(bytes.length).toBeLessThanOrEqual(20 * SEGMENT);
    expect(bytes.length).toBeGreaterThan(0);
    expect(bytes.equals(plaintext.subarray(0, bytes.length))).toBe(true);
  });

  test('a part cut at a segment boundary has no length that a part can have', () => {
    for (const full of [0, 1, 2, 17]) expect(plaintextLength(56 + full * SEALED)).toBeUndefined();
    for (const rest of [1, 15]) expect(plaintextLength(56 + SEALED + rest)).toBeUndefined();
    for (const length of [-1, 0, 71, 1.5, Number.NaN, 2 ** 60]) expect(plaintextLength(length)).toBeUndefined();
    expect(plaintextLength(56 + SEALED + 16)).toBe(SEGMENT);
  });

  test('a full last segment is followed by an empty one, which cannot be dropped', async () => {
    const part = keyFor();
    const plaintext = pattern(2 * SEGMENT);
    const sealed = await collect(sealStream(part, chunked(plaintext)));
    expect(sealed.length).toBe(56 + 2 * SEALED + 16);
    expectRefusal((await open(part, sealed.subarray(0, -16), plaintext.length)).error);
    expect((await open(part, sealed, plaintext.length)).bytes.equals(plaintext)).toBe(true);
  });
});

describe('the empty last segment', () => {
  // One segment, a full block of them, and more than a block.
  test.each([1, 16, 33])('of %i full ones is authenticated before the bytes that end a read leave', async (full) => {
    const part = keyFor();
    const plaintext = pattern(full * SEGMENT);
    const sealed = await collect(sealStream(part, chunked(plaintext)));
    for (const altered of [
      flip(sealed, -1),
      sealed.subarray(0, -16),
      sealed.subarray(0, -1),
      Buffer.concat([sealed, Buffer.alloc(1)]),
    ]) {
      const { bytes, error } = await open(part, altered, plaintext.length, [100_000, 16_400, 1]);
      expectRefusal(error);
      expect(bytes.length).toBeLessThan(plaintext.length);
      expect(bytes.equals(plaintext.subarray(0, bytes.length))).toBe(true);
    }
    expect((await open(part, sealed, plaintext.length, [16_400])).bytes.equals(plaintext)).toBe(true);
  });
});

describe('a key opens only what was sealed in its place', () => {
  test.each([
    ['bucket', { ...place, bucket: 'other' }],
    ['object', { ...place, oid: 'cd'.repeat(16) }],
    ['upload', { ...place, uploadId: 'ef'.repeat(16) }],
    ['part number', { ...place, number: 2 }],
  ])('another %s fails at the commitment', (_name, other) => {
    const sealed = keyFor();
    expect(() => committedPartKey(dataKey, sealed.salt, sealed.commitment, partContext(other))).toThrow(GatewayError);
    expect(() => committedPartKey(dataKey, sealed.salt, sealed.commitment, partContext(place))).not.toThrow();
  });

  test('a message crafted to open under two keys still commits to one (Invisible Salamanders)', async () => {
    const first = keyFor();
    const second = derivePartKey(randomBytes(32), first.salt, partContext(place));
    const { segments } = cut(await collect(sealStream(second, chunked(Buffer.from('chosen by an attacker')))));
    const crafted = Buffer.concat([first.salt, second.commitment, ...segments]);
    expectRefusal((await open(first, crafted, 21)).error);
    expect(() => committedPartKey(dataKey, first.salt, second.commitment, partContext(place))).toThrow(GatewayError);
  });

  test('two attempts share no keystream', async () => {
    const [one, two] = [Buffer.alloc(1000, 1), Buffer.alloc(1000, 2)];
    const [a, b] = await Promise.all([one, two].map((bytes) => collect(sealStream(keyFor(), chunked(bytes)))));
    expect(a!.subarray(0, 24).equals(b!.subarray(0, 24))).toBe(false);
    const differences = new Set(Array.from({ length: 1000 }, (_, i) => a![56 + i]! ^ b![56 + i]!));
    expect(differences.size).toBeGreaterThan(1);
  });
});

describe('sealing', () => {
  test('a source that fails leaves nothing that opens', async () => {
    const part = keyFor();
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield pattern(100_000);
      throw new GatewayError('BadDigest', 'The Content-MD5 you specified did not match what we received.');
    }
    const { bytes, error } = await drain(sealStream(part, failing()));
    expect((error as GatewayError).code).toBe('BadDigest');
    const length = plaintextLength(bytes.length);
    if (length !== undefined) expectRefusal((await open(part, bytes, length)).error);
  });

  test('any chunking gives the same bytes', async () => {
    const part = keyFor();
    const plaintext = pattern(20 * SEGMENT + 3);
    const whole = await collect(sealStream(part, chunked(plaintext, [plaintext.length])));
    for (const sizes of [[1_000_000], [16_384], [16_383], [16_385], [0, 5000], [1, 40_000]]) {
      expect((await collect(sealStream(part, chunked(plaintext, sizes)))).equals(whole)).toBe(true);
    }
    expect((await collect(sealStream(part, chunked(plaintext, [5000]), 10))).equals(whole)).toBe(true);
  });

  test('output comes in large blocks', async () => {
    const sizes: number[] = [];
    for await (const block of sealStream(keyFor(), chunked(pattern(4 * 1024 * 1024), [65_536])))
      sizes.push(block.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(263_000);
    expect(sizes.length).toBeLessThanOrEqual(17);
  });

  test('tags shorter than 16 bytes are never taken', () => {
    const nonce = Buffer.alloc(12);
    const sealed = sealMessage(dataKey, nonce, Buffer.from('x'));
    expect(openMessage(dataKey, nonce, sealed)).toEqual(Buffer.from('x'));
    for (const length of [0, 4, 15, 16])
      expect(openMessage(dataKey, nonce, sealed.subarray(0, length))).toBeUndefined();
  });
});
