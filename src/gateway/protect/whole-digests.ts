import { CHECKSUM_TYPES } from '../../model/body.ts';
import type { Checksum, ChecksumAlgorithm, UploadChecksum } from '../../model/body.ts';
import type { StoredPart } from '../../model/backend.ts';
import { combineCrcs, type CombinableCrc } from '../../wire/crc-combine.ts';
import { crc64Bytes, crc64Decimal, createDigests } from '../../wire/digests.ts';

const COMBINABLE: Readonly<Partial<Record<ChecksumAlgorithm, CombinableCrc>>> = {
  CRC32: 'CRC32',
  CRC32C: 'CRC32C',
  CRC64NVME: 'CRC64NVME',
};

/** Decimal CRC-64/XZ of two consecutive runs of bytes. */
export function combineCrc64(first: string, second: string, secondLength: number): string {
  // The length of what stands first does not count.
  const runs = [
    { value: crc64Bytes(first), length: 0 },
    { value: crc64Bytes(second), length: secondLength },
  ];
  return crc64Decimal(combineCrcs('CRC64', runs));
}

/** Decimal CRC-64/XZ of a whole from its parts, in order; undefined where a part was not digested. */
export function wholeCrc64(parts: readonly StoredPart[]): string | undefined {
  if (parts.some((part) => part.crc64 === '')) return undefined;
  const values = parts.map((part) => ({ value: crc64Bytes(part.crc64), length: part.size }));
  return crc64Decimal(combineCrcs('CRC64', values));
}

/** What of a part its checksum needs. */
export interface SummedPart {
  readonly size: number;
  readonly checksum?: Pick<Checksum, 'algorithm' | 'value'>;
}

/**
 * The checksum of a completed upload, as S3 derives it: composite (digest of digests, `-N`) where the upload named an
 * algorithm, else the full object's; CRC64NVME knows nothing else. Undefined where the parts do not carry it.
 */
export async function wholeChecksum(
  parts: readonly SummedPart[],
  asked: UploadChecksum,
): Promise<Checksum | undefined> {
  const algorithm = asked.algorithm ?? parts[0]?.checksum?.algorithm;
  if (algorithm === undefined) return undefined;
  const values: { value: Buffer; length: number }[] = [];
  for (const part of parts) {
    if (part.checksum?.algorithm !== algorithm) return undefined;
    values.push({ value: Buffer.from(part.checksum.value, 'base64'), length: part.size });
  }
  const type = asked.algorithm === undefined ? 'FULL_OBJECT' : (asked.type ?? CHECKSUM_TYPES[algorithm][0]);
  if (type === 'FULL_OBJECT') {
    const crc = COMBINABLE[algorithm];
    if (crc === undefined) return undefined;
    return { algorithm, value: combineCrcs(crc, values).toString('base64'), type };
  }
  const digests = await createDigests([algorithm]);
  for (const { value } of values) digests.update(value);
  return { algorithm, value: `${digests.value(algorithm)?.toString('base64') ?? ''}-${parts.length}`, type };
}
