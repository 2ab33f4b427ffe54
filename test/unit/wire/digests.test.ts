import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { combineCrcs, crc32c } from '../../../src/wire/crc-combine.ts';
import { crc64Decimal, createDigests, DIGEST_SIZE } from '../../../src/wire/digests.ts';
import type { DigestName } from '../../../src/wire/digests.ts';

const CHECK = Buffer.from('123456789');
/** Check values of the CRC catalogue; hashes of the same nine digits. */
const VALUES: Readonly<Record<DigestName, string>> = {
  CRC32: 'cbf43926',
  CRC32C: 'e3069283',
  CRC64: '995dc9bbdf1939fa',
  CRC64NVME: 'ae8b14860a799888',
  MD5: '25f9e794323b453885f5181f1b624d0b',
  SHA1: 'f7c3bc1d808e04732adf679965ccc34ca7ae3441',
  SHA256: '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
  SHA512:
    'd9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274ad27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85',
};
const NAMES = Object.keys(VALUES) as DigestName[];

async function digest(chunks: readonly Uint8Array[]): Promise<Record<string, string | undefined>> {
  const digests = await createDigests(NAMES);
  for (const chunk of chunks) digests.update(chunk);
  return Object.fromEntries(NAMES.map((name) => [name, digests.value(name)?.toString('hex')]));
}

describe('digests', () => {
  test('have the catalogued check values and sizes', async () => {
    expect(await digest([CHECK])).toEqual(VALUES);
    for (const name of NAMES) expect(VALUES[name].length).toBe(DIGEST_SIZE[name] * 2);
  });

  test('do not depend on how the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), async (chunks) => {
        expect(await digest(chunks)).toEqual(await digest([Buffer.concat(chunks)]));
      }),
    );
  });

  test('run side by side without touching each other', async () => {
    const [first, second] = [await createDigests(['CRC64', 'CRC32C']), await createDigests(['CRC64', 'CRC32C'])];
    for (const byte of CHECK) {
      first.update(Buffer.of(byte));
      second.update(Buffer.of(0));
    }
    expect(first.value('CRC64')?.toString('hex')).toBe(VALUES.CRC64);
    expect(first.value('CRC32C')?.toString('hex')).toBe(VALUES.CRC32C);
    expect(first.value('CRC64')?.toString('hex')).toBe(VALUES.CRC64);
  });

  test('an unwanted digest has no value', async () => {
    const digests = await createDigests(['MD5']);
    expect(digests.value('SHA1')).toBeUndefined();
    expect(digests.value('MD5')).toEqual(createHash('md5').digest());
  });

  test('OSS’s CRC64 is decimal and unsigned', () => {
    expect(crc64Decimal(Buffer.from(VALUES.CRC64, 'hex'))).toBe('11051210869376104954');
  });
});

describe('combined CRCs', () => {
  const COMBINABLE = ['CRC32', 'CRC32C', 'CRC64', 'CRC64NVME'] as const;

  test('equal the CRC of the whole, whatever the sizes of the parts', async () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(parts, async (chunks) => {
        const apart = await Promise.all(chunks.map(async (chunk) => ({ chunk, values: await digest([chunk]) })));
        const whole = await digest(chunks);
        for (const name of COMBINABLE) {
          const runs = apart.map(({ chunk, values }) => ({
            value: Buffer.from(values[name] ?? '', 'hex'),
            length: chunk.length,
          }));
          expect(combineCrcs(name, runs).toString('hex')).toBe(whole[name]);
        }
      }),
    );
  });

  test('hold for parts beyond 2^32 bytes', async () => {
    const value = async (chunk: Uint8Array) => Buffer.from((await digest([chunk]))['CRC64'] ?? '', 'hex');
    // The CRC of 2^34 zeros by doubling, and then one shift over all of them against two over the halves.
    let zeros: Buffer = await value(Buffer.alloc(1));
    for (let length = 1; length < 2 ** 34; length *= 2)
      zeros = combineCrcs('CRC64', [
        { value: zeros, length },
        { value: zeros, length },
      ]);
    const head = { value: await value(Buffer.from('head')), length: 4 };
    const run = { value: zeros, length: 2 ** 34 };
    const both = { value: combineCrcs('CRC64', [run, run]), length: 2 ** 35 };
    expect(combineCrcs('CRC64', [head, both]).equals(combineCrcs('CRC64', [head, run, run]))).toBe(true);
  });

  test('of ten thousand parts of ten thousand sizes are combined without hanging', { timeout: 10_000 }, () => {
    const runs = Array.from({ length: 10_000 }, (_, at) => ({ value: Buffer.alloc(8, at), length: 5_242_880 + at }));
    expect(combineCrcs('CRC64NVME', runs)).toHaveLength(8);
  });

  test('the CRC32C of a few bytes is the one that streams have', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        expect(crc32c(bytes).toString('hex')).toBe((await digest([bytes]))['CRC32C']);
      }),
    );
  });
});
