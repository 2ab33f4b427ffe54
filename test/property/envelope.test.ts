import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createColumnCipher } from '../../src/envelope/column-cipher.ts';
import { lengthPrefixed } from '../../src/envelope/length-prefixed.ts';
import { derivePartKey } from '../../src/envelope/part-key.ts';
import { partReads } from '../../src/envelope/ranges.ts';
import { plaintextLength, sealedLength } from '../../src/envelope/sizes.ts';
import { openStream, sealStream } from '../../src/envelope/stream.ts';
import type { SealedPart } from '../../src/model/seal.ts';
import { chunked, collect } from '../unit/envelope/byte-streams.ts';

const S = 16_384;
const sizes = fc.oneof(
  fc.constantFrom(0, 1, S - 1, S, S + 1, 2 * S, 2 * S - 1, 16 * S, 16 * S + 1, 17 * S),
  fc.integer({ min: 0, max: 5 * S }),
);
const chunking = fc
  .array(fc.integer({ min: 0, max: 70_000 }), { minLength: 1, maxLength: 5 })
  .map((list) => [...list, 1 + 40_000]);

describe('any parts, any range, any chunking', () => {
  test('read as the plaintext does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(sizes, { minLength: 1, maxLength: 4 }),
        chunking,
        chunking,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (lengths, cutIn, cutOut, a, b) => {
          const dataKey = randomBytes(32);
          const sealed = await Promise.all(
            lengths.map(async (length, index) => {
              const key = derivePartKey(dataKey, randomBytes(24), lengthPrefixed(['part', String(index)]));
              const plaintext = randomBytes(length);
              const bytes = await collect(sealStream(key, chunked(plaintext, cutIn), length));
              const part: SealedPart = {
                number: index + 1,
                attempt: String(index),
                plaintextLength: length,
                ciphertextLength: bytes.length,
                salt: '',
                commitment: '',
              };
              return { key, plaintext, bytes, part };
            }),
          );
          const whole = Buffer.concat(sealed.map(({ plaintext }) => plaintext));
          const parts = sealed.map(({ part }) => part);
          const positions = [Math.floor(a * whole.length), Math.floor(b * whole.length)]
            .map((p) => Math.min(p, whole.length - 1))
            .sort((x, y) => x - y);
          const ranges =
            whole.length === 0
              ? [undefined]
              : [
                  undefined,
                  { first: positions[0]!, last: positions[1]! },
                  { first: whole.length - 1, last: whole.length - 1 },
                ];
          for (const range of ranges) {
            const opened: Buffer[] = [];
            for (const read of partReads(parts, range)) {
              const source = sealed[read.part.number - 1]!;
              const run = {
                first: read.firstSegment,
                last: read.lastSegment,
                plaintextLength: read.part.plaintextLength,
                prefixed: read.first === 0,
              };
              const bytes = await collect(
                openStream(source.key, run, chunked(source.bytes.subarray(read.first, read.last + 1), cutOut)),
              );
              opened.push(bytes.subarray(read.skip, read.skip + read.take));
            }
            const expected = range === undefined ? whole : whole.subarray(range.first, range.last + 1);
            expect(Buffer.concat(opened).equals(expected)).toBe(true);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test("sealed and plaintext lengths are each other's inverse", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.nat(),
          fc.maxSafeNat().map((n) => Math.floor(n / 2)),
        ),
        (length) => {
          expect(plaintextLength(sealedLength(length))).toBe(length);
        },
      ),
    );
    fc.assert(
      fc.property(fc.nat(), (length) => {
        const plain = plaintextLength(length);
        if (plain !== undefined) expect(sealedLength(plain)).toBe(length);
      }),
    );
  });
});

describe('length-prefixed lists', () => {
  test('have one encoding each', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.string({ unit: 'grapheme' })), (a, b) => {
        expect(lengthPrefixed(a).equals(lengthPrefixed(b))).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
    expect(lengthPrefixed(['ab', 'c']).equals(lengthPrefixed(['a', 'bc']))).toBe(false);
    expect(lengthPrefixed(['a']).equals(lengthPrefixed(['a', '']))).toBe(false);
  });
});

describe('column cipher', () => {
  const cipher = createColumnCipher(randomBytes(32), randomBytes);

  test('opens what it sealed, in its own place and unaltered only', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), fc.string(), fc.nat(), (text, context, other, at) => {
        const blob = cipher.seal(text, context);
        expect(cipher.open(blob, context)).toBe(text.toWellFormed());
        expect(cipher.seal(text, context).equals(blob)).toBe(false);
        if (other !== context) expect(() => cipher.open(blob, other)).toThrow('internal error');
        blob[at % blob.length]! ^= 1;
        expect(() => cipher.open(blob, context)).toThrow('internal error');
        expect(() => cipher.open(blob.subarray(0, at % blob.length), context)).toThrow('internal error');
      }),
    );
  });

  test('takes keys of 32 bytes only', () => {
    for (const length of [0, 16, 31, 33])
      expect(() => createColumnCipher(randomBytes(length), randomBytes)).toThrow(RangeError);
  });
});
