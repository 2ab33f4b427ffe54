import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { CHECKSUM_TYPES } from '../../model/body.ts';
import type { Checksum, ChecksumAlgorithm, UploadChecksum } from '../../model/body.ts';
import { combineCrcs, crc32c } from '../../wire/crc-combine.ts';
import { crc64Bytes, crc64Decimal } from '../../wire/digests.ts';
import type { StoredDigests } from './digests.ts';

interface Part {
  readonly size: number;
  readonly digests: StoredDigests;
}

/** The digests of an object joined from unsealed parts: what S3 and OSS compute at Complete. */
export function joinDigests(parts: readonly Part[], wanted: UploadChecksum): StoredDigests {
  const checksum = joinChecksums(parts, wanted);
  const crc64 = joinCrc64(parts);
  return { etag: multipartEtag(parts), ...(crc64 !== undefined && { crc64 }), ...(checksum && { checksum }) };
}

/** The CRC64 of content followed by more; undefined where one of them is unknown. */
export function joinCrc64(parts: readonly Part[]): string | undefined {
  const known = parts.flatMap(({ size, digests }) =>
    digests.crc64 === undefined ? [] : [{ value: crc64Bytes(digests.crc64), length: size }],
  );
  return known.length === parts.length ? crc64Decimal(combineCrcs('CRC64', known)) : undefined;
}

/** MD5 over the parts' MD5s, and their number. */
function multipartEtag(parts: readonly Part[]): string {
  const hash = createHash('md5');
  for (const { digests } of parts) hash.update(Buffer.from(digests.md5 ?? digests.etag, 'hex'));
  return `${hash.digest('hex')}-${parts.length}`;
}

function joinChecksums(parts: readonly Part[], wanted: UploadChecksum): Checksum | undefined {
  const algorithm = wanted.algorithm ?? parts[0]?.digests.checksum?.algorithm;
  const values = parts.flatMap(({ size, digests }) =>
    digests.checksum?.algorithm === algorithm && digests.checksum !== undefined
      ? [{ length: size, value: Buffer.from(digests.checksum.value, 'base64') }]
      : [],
  );
  if (algorithm === undefined || values.length !== parts.length) return undefined;
  const type = wanted.type ?? (wanted.algorithm === undefined ? 'FULL_OBJECT' : CHECKSUM_TYPES[algorithm][0]);
  if (type === 'COMPOSITE') {
    const joined = hashOf(algorithm, Buffer.concat(values.map(({ value }) => value)));
    return joined && { algorithm, type, value: `${joined.toString('base64')}-${parts.length}` };
  }
  if (algorithm !== 'CRC32' && algorithm !== 'CRC32C' && algorithm !== 'CRC64NVME') return undefined;
  return { algorithm, type, value: combineCrcs(algorithm, values).toString('base64') };
}

function hashOf(algorithm: ChecksumAlgorithm, bytes: Buffer): Buffer | undefined {
  switch (algorithm) {
    case 'SHA1':
    case 'SHA256':
    case 'SHA512':
    case 'MD5':
      return createHash(algorithm).update(bytes).digest();
    case 'CRC32':
      return wordOf(crc32(bytes));
    case 'CRC32C':
      return crc32c(bytes);
    case 'CRC64NVME':
      return undefined;
  }
}

function wordOf(value: number): Buffer {
  const word = Buffer.alloc(4);
  word.writeUInt32BE(value);
  return word;
}
