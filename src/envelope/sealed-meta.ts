import type { KeyObject } from 'node:crypto';
import { CHECKSUM_ALGORITHMS, type Checksum } from '../model/body.ts';
import { openMessage, sealMessage } from './aead.ts';
import { integrityError } from './integrity-error.ts';
import { lengthPrefixed } from './length-prefixed.ts';
import { committedPartKey, derivePartKey, NONCE_SIZE, partPrefix, segmentNonce } from './part-key.ts';
import type { RandomBytes } from './random-bytes.ts';
import { COMMITMENT_SIZE, PREFIX_SIZE, SALT_SIZE, SEGMENT_SIZE } from './sizes.ts';

/** What would tell equal plaintexts from different ones, so it lies sealed: hex MD5 (puts only), decimal CRC-64/XZ, checksum. */
export interface SealedMeta {
  readonly md5?: string;
  readonly crc64: string;
  readonly checksum?: Checksum;
}

/** Seals digests as a one-segment stream under the meta key; base64. */
export function sealMeta(
  metaKey: KeyObject,
  place: { readonly bucket: string; readonly oid: string },
  meta: SealedMeta,
  randomBytes: RandomBytes,
): string {
  const plaintext = Buffer.from(JSON.stringify(meta), 'utf8');
  if (plaintext.length >= SEGMENT_SIZE) throw new RangeError('Sealed metadata is one segment at most.');
  const part = derivePartKey(metaKey, randomBytes(SALT_SIZE), metaContext(place));
  const nonce = segmentNonce(part.baseNonce, 0, Buffer.alloc(NONCE_SIZE));
  return Buffer.concat([partPrefix(part), sealMessage(part.key, nonce, plaintext)]).toString('base64');
}

/** Opens sealed digests, or rejects with the uniform integrity error. */
export function openMeta(
  metaKey: KeyObject,
  place: { readonly bucket: string; readonly oid: string },
  sealed: string,
): SealedMeta {
  const bytes = Buffer.from(sealed, 'base64');
  if (bytes.length < PREFIX_SIZE) throw integrityError('sealed metadata is too short');
  const part = committedPartKey(
    metaKey,
    bytes.subarray(0, SALT_SIZE),
    bytes.subarray(SALT_SIZE, SALT_SIZE + COMMITMENT_SIZE),
    metaContext(place),
  );
  const nonce = segmentNonce(part.baseNonce, 0, Buffer.alloc(NONCE_SIZE));
  const plaintext = openMessage(part.key, nonce, bytes.subarray(PREFIX_SIZE));
  if (plaintext === undefined) throw integrityError('sealed metadata is not authentic');
  return toMeta(JSON.parse(plaintext.toString('utf8')));
}

function metaContext(place: { readonly bucket: string; readonly oid: string }): Buffer {
  return lengthPrefixed(['bucketseal/v1', 'sealed-meta', '', place.bucket, place.oid]);
}

function toMeta(value: unknown): SealedMeta {
  if (!isRecord(value) || typeof value['crc64'] !== 'string') throw integrityError('malformed sealed metadata');
  const md5 = value['md5'];
  const checksum = value['checksum'];
  return {
    crc64: value['crc64'],
    ...(typeof md5 === 'string' ? { md5 } : {}),
    ...(checksum === undefined ? {} : { checksum: toChecksum(checksum) }),
  };
}

function toChecksum(value: unknown): Checksum {
  if (isRecord(value) && typeof value['value'] === 'string') {
    const algorithm = CHECKSUM_ALGORITHMS.find((candidate) => candidate === value['algorithm']);
    const type = (['COMPOSITE', 'FULL_OBJECT'] as const).find((candidate) => candidate === value['type']);
    if (algorithm !== undefined && type !== undefined) return { algorithm, value: value['value'], type };
  }
  throw integrityError('malformed checksum in sealed metadata');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
