import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { joinDigests } from '../../../../src/backends/local/multipart-digests.ts';
import { crc64 } from './support.ts';

/** A reflected CRC-64 with all-ones start and final inversion. */
function nvme(bytes: Uint8Array): bigint {
  let crc = 0xffffffffffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0x9a6c9329ac4bc9b5n : crc >> 1n;
  }
  return crc ^ 0xffffffffffffffffn;
}

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
