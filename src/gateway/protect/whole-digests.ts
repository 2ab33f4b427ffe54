import { setImmediate } from 'node:timers/promises';
import type { Checksum, ChecksumAlgorithm, ChecksumType } from '../../model/body.ts';
import type { StoredPart } from '../../model/backend.ts';
import { combineCrc, type CombinableCrc } from '../../wire/crc-combine.ts';
import { crc64Decimal, createDigests } from '../../wire/digests.ts';

/** Parts combined between two turns of the event loop. */
const PARTS_PER_TURN = 32;

const COMBINABLE: Readonly<Partial<Record<ChecksumAlgorithm, CombinableCrc>>> = {
  CRC32: 'CRC32',
  CRC32C: 'CRC32C',
  CRC64NVME: 'CRC64NVME',
};

/** Decimal CRC-64/XZ of two consecutive runs of bytes. */
export function combineCrc64(first: string, second: string, secondLength: number): string {
  return crc64Decimal(combineCrc('CRC64', crc64Bytes(first), crc64Bytes(second), secondLength));
}

/** Decimal CRC-64/XZ of a whole from its parts, in order; undefined where a part was not digested. */
export async function wholeCrc64(parts: readonly StoredPart[]): Promise<string | undefined> {
  if (parts.some((part) => part.crc64 === '')) return undefined;
  const values = parts.map((part) => ({ value: crc64Bytes(part.crc64), length: part.size }));
  return crc64Decimal(await combineAll('CRC64', values));
}

/**
 * The checksum of a completed upload, as S3 derives it: composite (digest of digests, `-N`) where the upload named an
 * algorithm, else the full object's; CRC64NVME knows nothing else. Undefined where the parts do not carry it.
 */
export async function wholeChecksum(
  parts: readonly StoredPart[],
  asked: { readonly algorithm: ChecksumAlgorithm; readonly type?: ChecksumType } | undefined,
): Promise<Checksum | undefined> {
  const algorithm = asked?.algorithm ?? parts[0]?.checksum?.algorithm;
  if (algorithm === undefined) return undefined;
  const values: { value: Buffer; length: number }[] = [];
  for (const part of parts) {
    if (part.checksum?.algorithm !== algorithm) return undefined;
    values.push({ value: Buffer.from(part.checksum.value, 'base64'), length: part.size });
  }
  const type = asked === undefined || algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : (asked.type ?? 'COMPOSITE');
  if (type === 'FULL_OBJECT') {
    const crc = COMBINABLE[algorithm];
    if (crc === undefined) return undefined;
    return { algorithm, value: (await combineAll(crc, values)).toString('base64'), type };
  }
  const digests = await createDigests([algorithm]);
  for (const { value } of values) digests.update(value);
  return { algorithm, value: `${digests.value(algorithm)?.toString('base64') ?? ''}-${parts.length}`, type };
}

async function combineAll(
  name: CombinableCrc,
  parts: readonly { readonly value: Uint8Array; readonly length: number }[],
): Promise<Buffer> {
  let whole: Uint8Array | undefined;
  for (const [index, part] of parts.entries()) {
    whole = whole === undefined ? part.value : combineCrc(name, whole, part.value, part.length);
    if (index % PARTS_PER_TURN === PARTS_PER_TURN - 1) await setImmediate();
  }
  if (whole === undefined) throw new RangeError('An upload has at least one part.');
  return Buffer.from(whole);
}

function crc64Bytes(decimal: string): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(decimal));
  return bytes;
}
