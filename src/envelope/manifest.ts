import { createHash, createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';
import { contextFields } from '../model/encryption-context.ts';
import type { ObjectMetadata } from '../model/objects.ts';
import type { SealHeader, SealRecord, SealedPart } from '../model/seal.ts';
import { integrityError } from './integrity-error.ts';
import { lengthPrefixed } from './length-prefixed.ts';
import { SEGMENT_SIZE, sealedLength } from './sizes.ts';

const SUITE = '1';
const MAC_SIZE = 32;

/**
 * What a record is bound to beside its own fields, as the store's index says it: the object's key, and the metadata
 * exactly as it was written (a store that fills in defaults would break every read).
 */
export interface SealBinding {
  readonly key: string;
  readonly metadata: ObjectMetadata;
}

/** The record of an object: its header and parts under one MAC. Drops what only an upload under way needs. */
export function signManifest(
  macKey: KeyObject,
  content: { readonly header: SealHeader; readonly parts: readonly SealedPart[]; readonly sealedMeta: string },
  binding: SealBinding,
): SealRecord {
  const { header, parts, sealedMeta } = content;
  const unsigned = {
    format: header.format,
    oid: header.oid,
    bucket: header.bucket,
    uploadId: header.uploadId,
    mode: header.mode,
    keyAlias: header.keyAlias,
    ...(header.context === undefined ? {} : { context: header.context }),
    wrapped: header.wrapped,
    ...(header.customerKeyMd5 === undefined ? {} : { customerKeyMd5: header.customerKeyMd5 }),
    parts,
    size: parts.reduce((sum, part) => sum + part.plaintextLength, 0),
    sealedMeta,
  };
  return { ...unsigned, mac: macOf(macKey, unsigned, binding).toString('base64') };
}

/** Rejects any record whose MAC does not hold for this key and metadata, and one that contradicts itself. */
export function verifyManifest(macKey: KeyObject, record: SealRecord, binding: SealBinding): void {
  const claimed = Buffer.from(record.mac, 'base64');
  const expected = macOf(macKey, record, binding);
  if (claimed.length !== MAC_SIZE || !timingSafeEqual(claimed, expected)) throw integrityError('manifest MAC mismatch');
  const size = record.parts.reduce((sum, part) => sum + part.plaintextLength, 0);
  const consistent = record.parts.every((part) => part.ciphertextLength === sealedLength(part.plaintextLength));
  if (record.parts.length === 0 || size !== record.size || !consistent) throw integrityError('manifest sizes disagree');
}

function macOf(macKey: KeyObject, record: Omit<SealRecord, 'mac'>, binding: SealBinding): Buffer {
  return createHmac('sha512', macKey)
    .update(lengthPrefixed([...recordFields(record), binding.key, metadataHash(binding.metadata)]))
    .digest()
    .subarray(0, MAC_SIZE);
}

/** Everything but the wrapped key, which stands outside so that a rewrap needs no MAC. Fixed order, fixed count per part. */
function recordFields(record: Omit<SealRecord, 'mac'>): readonly string[] {
  const parts = record.parts.flatMap((part) => [
    String(part.number),
    String(part.plaintextLength),
    String(part.ciphertextLength),
    part.salt,
    part.commitment,
    part.attempt,
  ]);
  const context = contextFields(record.context);
  return [
    record.format,
    'manifest',
    SUITE,
    String(SEGMENT_SIZE),
    '',
    record.bucket,
    record.oid,
    record.uploadId,
    record.mode,
    record.keyAlias,
    record.customerKeyMd5 ?? '',
    ...(record.format === 'bucketseal/v1' ? [] : [String(context.length / 2), ...context]),
    String(record.size),
    record.sealedMeta,
    String(record.parts.length),
    ...parts,
  ];
}

/** hex SHA-256 over name and value of all that is set, sorted by name in code-unit order. */
function metadataHash(metadata: ObjectMetadata): string {
  const { user, ...system } = metadata;
  const fields = [
    ...Object.entries<string | undefined>(system).flatMap(([name, value]) =>
      value === undefined ? [] : [[`system:${name}`, value] as const],
    ),
    ...Object.entries(user).map(([name, value]) => [`user:${name}`, value] as const),
  ].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return createHash('sha256').update(lengthPrefixed(fields.flat())).digest('hex');
}
