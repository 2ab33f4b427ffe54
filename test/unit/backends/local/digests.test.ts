import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { combineCrcs, crc32c } from '../../../../src/backends/local/crc-combination.ts';
import { joinDigests } from '../../../../src/backends/local/multipart-digests.ts';
import { crc64 } from './support.ts';

const CHECK = Buffer.from('123456789');

/** A reflected CRC-64 with all-ones start and final inversion. */
function nvme(bytes: Uint8Array): bigint {
  let crc = 0xffffffffffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0x9a6c9329ac4bc9b5n : crc >> 1n;
  }
  return crc ^ 0xffffffffffffffffn;
}

const CRCS = {
  CRC32: (bytes: Uint8Array) => BigInt(crc32(bytes)),
  CRC32C: (bytes: Uint8Array) => BigInt(crc32c(bytes)),
  CRC64NVME: nvme,
  CRC64XZ: (bytes: Uint8Array) => crc64(bytes),
} as const;

describe('combining CRCs', () => {
  test('the CRCs are those of the catalogue', () => {
    expect(CRCS.CRC32(CHECK)).toBe(0xcbf43926n);
    expect(CRCS.CRC32C(CHECK)).toBe(0xe3069283n);
    expect(CRCS.CRC64NVME(CHECK)).toBe(0xae8b14860a799888n);
    expect(CRCS.CRC64XZ(CHECK)).toBe(0x995dc9bbdf1939fan);
  });

  test('parts give the CRC of the whole, whatever their sizes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('CRC32', 'CRC32C', 'CRC64NVME', 'CRC64XZ'),
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 6 }),
        (algorithm, parts) => {
          const crcs = parts.map((part) => ({ crc: CRCS[algorithm](part), size: part.length }));
          expect(combineCrcs(algorithm, crcs)).toBe(CRCS[algorithm](Buffer.concat(parts)));
        },
      ),
    );
  });

  test('ten thousand parts take no noticeable time', () => {
    const started = performance.now();
    combineCrcs(
      'CRC64XZ',
      Array.from({ length: 10_000 }, (_, at) => ({ crc: BigInt(at), size: 5_242_880 })),
    );
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('joining parts', () => {
  const data = [randomBytes(100), randomBytes(30)];
  const whole = Buffer.concat(data);
  const withChecksum = (algorithm: 'SHA256' | 'CRC32' | 'CRC64NVME' | 'CRC32C', value: (part: Buffer) => Buffer) =>
    data.map((part) => {
      const md5 = createHash('md5').update(part).digest('hex');
      const checksum = { algorithm, value: value(part).toString('base64'), type: 'FULL_OBJECT' } as const;
      return { size: part.length, digests: { etag: md5, md5, crc64: crc64(part).toString(), checksum } };
    });
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
  const word = (bytes: Uint8Array) => Buffer.from(crc32(bytes).toString(16).padStart(8, '0'), 'hex');
  const long = (bytes: Uint8Array) => Buffer.from(nvme(bytes).toString(16).padStart(16, '0'), 'hex');

  test('a composite checksum is the digest of the digests, with the number of parts', () => {
    const { checksum } = joinDigests(withChecksum('SHA256', sha256), { algorithm: 'SHA256' });
    const value = sha256(Buffer.concat(data.map(sha256))).toString('base64');
    expect(checksum).toEqual({ algorithm: 'SHA256', type: 'COMPOSITE', value: `${value}-2` });
    const crc = joinDigests(withChecksum('CRC32', word), { algorithm: 'CRC32', type: 'COMPOSITE' }).checksum;
    expect(crc?.value).toBe(`${word(Buffer.concat(data.map(word))).toString('base64')}-2`);
  });

  test('a full-object checksum is that of the whole', () => {
    const crc = joinDigests(withChecksum('CRC32', word), { algorithm: 'CRC32', type: 'FULL_OBJECT' }).checksum;
    expect(crc).toEqual({ algorithm: 'CRC32', type: 'FULL_OBJECT', value: word(whole).toString('base64') });
    const silent = joinDigests(withChecksum('CRC64NVME', long), {}).checksum;
    expect(silent).toEqual({ algorithm: 'CRC64NVME', type: 'FULL_OBJECT', value: long(whole).toString('base64') });
  });

  test('there is no checksum where a part has none or another', () => {
    const [first, second] = withChecksum('SHA256', sha256);
    const bare = { ...second!, digests: { etag: 'x', md5: 'ab' } };
    expect(joinDigests([first!, bare], { algorithm: 'SHA256' })).not.toHaveProperty('checksum');
    expect(joinDigests([first!, bare], { algorithm: 'SHA256' })).not.toHaveProperty('crc64');
    expect(joinDigests([first!, second!], { algorithm: 'CRC32' })).not.toHaveProperty('checksum');
  });
});
