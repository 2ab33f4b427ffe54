import { timingSafeEqual } from 'node:crypto';
import type { Body, Checksum, ChecksumAlgorithm, UploadChecksum } from '../../model/body.ts';
import type { StoredPart } from '../../model/backend.ts';
import type { CustomerKey, Encryption, KeyAlias } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Keyring } from '../../model/keyring.ts';
import type { Content, SealedPart, SealHeader, SealRecord } from '../../model/seal.ts';
import {
  createDataKey,
  manifestKeysOf,
  openDataKey,
  openManifestKeys,
  type ManifestKeys,
} from '../../envelope/data-key.ts';
import { integrityError } from '../../envelope/integrity-error.ts';
import { signManifest, type SealBinding } from '../../envelope/manifest.ts';
import type { RandomBytes } from '../../envelope/random-bytes.ts';
import { sealMeta } from '../../envelope/sealed-meta.ts';
import { once } from './once.ts';
import { completedEtag, etagNeedsMd5, sealedEtag } from './seal-etag.ts';
import { sealAttempt } from './sealed-attempt.ts';
import { dataKeyHome, type SealServices } from './seal-write.ts';
import { wholeChecksum, wholeCrc64 } from './whole-digests.ts';

const SEAL_UPLOAD_ID_SIZE = 16;

/**
 * The key material of a new multipart upload, to be stored with it: any gateway can then take any part. The upload id
 * in it is the seal's own; the store may use it as its upload id or mint another.
 */
export async function beginSealedUpload(
  options: SealServices & { readonly encryption: Encryption<KeyAlias>; readonly bucket: string },
): Promise<SealHeader> {
  const { bucket, keyring, randomBytes } = options;
  const { header } = await createDataKey({
    home: dataKeyHome(options.encryption, options.keyIdOf),
    bucket,
    uploadId: Buffer.from(randomBytes(SEAL_UPLOAD_ID_SIZE)).toString('hex'),
    keyring,
    randomBytes,
  });
  return header;
}

/** Seals one part of an upload. `checksumAlgorithm` is the upload's, computed where the part names none. */
export async function sealPart(options: {
  readonly header: SealHeader;
  readonly body: Body;
  readonly bucket: string;
  readonly partNumber: number;
  readonly checksumAlgorithm?: ChecksumAlgorithm;
  /** Somebody will compare a CRC64. */
  readonly crc64: boolean;
  readonly customerKey: CustomerKey | undefined;
  readonly keyring: Keyring;
  readonly randomBytes: RandomBytes;
}): Promise<Content> {
  const { header, body, partNumber, customerKey, randomBytes } = options;
  checkBucket(header, options.bucket);
  checkPartCustomerKey(header, customerKey);
  const dataKey = await openDataKey(header, options.keyring, customerKey);
  const wanted = { md5: etagNeedsMd5(header.mode), crc64: options.crc64, checksum: options.checksumAlgorithm };
  const sealed = await sealAttempt({ header, dataKey, number: partNumber, body, wanted, randomBytes });
  const keys = manifestKeysOf(dataKey, header.oid);
  return {
    bytes: sealed.bytes,
    length: sealed.length,
    finish: once(() => {
      const { digests, part } = sealed.finish();
      return {
        digests,
        etag: sealedEtag(header.mode, keys.mac, partNumber, { md5: digests.md5, salt: part.salt }),
        part,
      };
    }),
  };
}

/** What Complete writes: the record over the chosen attempts, in part order, and what the answer says of the whole. */
export interface CompletedSeal {
  readonly record: SealRecord;
  /** `32 hex-N`. */
  readonly etag: string;
  readonly checksum?: Checksum;
  readonly crc64?: string;
}

/** Binds the chosen parts into one object; reads no data. An SSE-C upload completes without the client's key, as at AWS. */
export async function completeSealed(options: {
  readonly header: SealHeader;
  readonly parts: readonly StoredPart[];
  readonly bucket: string;
  readonly binding: SealBinding;
  readonly checksum: UploadChecksum;
  readonly customerKey: CustomerKey | undefined;
  readonly keyring: Keyring;
  readonly randomBytes: RandomBytes;
}): Promise<CompletedSeal> {
  const { header, parts, customerKey } = options;
  checkBucket(header, options.bucket);
  if (header.mode !== 'customer' || customerKey !== undefined) checkPartCustomerKey(header, customerKey);
  const keys = await completionKeys(header, options.keyring);
  const sealedParts = parts.map((part, index) => sealedOf(part, parts[index - 1]));
  const crc64 = wholeCrc64(parts);
  const checksum = await wholeChecksum(parts, options.checksum);
  const known = { ...(crc64 === undefined ? {} : { crc64 }), ...(checksum === undefined ? {} : { checksum }) };
  const sealedMeta = sealMeta(keys.meta, header, { ...known, crc64: crc64 ?? '' }, options.randomBytes);
  return {
    record: signManifest(keys.mac, { header, parts: sealedParts, sealedMeta }, options.binding),
    etag: completedEtag(
      header.mode,
      keys.mac,
      parts.map(({ md5, sealed }) => ({ md5, salt: sealed?.salt ?? '' })),
    ),
    ...known,
  };
}

/** AWS's answers to a part whose customer key is missing, unasked for or another than at Create. No header: not sealed. */
export function checkPartCustomerKey(
  header: Pick<SealHeader, 'mode' | 'customerKeyMd5'> | undefined,
  customerKey: CustomerKey | undefined,
): void {
  const expected = header?.mode === 'customer' ? (header.customerKeyMd5 ?? '') : undefined;
  if ((expected === undefined) !== (customerKey === undefined)) {
    throw new GatewayError(
      'InvalidRequest',
      'The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.',
    );
  }
  if (expected === undefined || customerKey === undefined) return;
  const [left, right] = [Buffer.from(expected), Buffer.from(customerKey.md5)];
  if (left.length !== right.length || !timingSafeEqual(left, right)) {
    throw new GatewayError(
      'InvalidRequest',
      'The provided encryption parameters did not match the ones used originally.',
    );
  }
}

async function completionKeys(header: SealHeader, keyring: Keyring): Promise<ManifestKeys> {
  return header.mode === 'customer'
    ? openManifestKeys(header, keyring)
    : manifestKeysOf(await openDataKey(header, keyring, undefined), header.oid);
}

/** The sealed side of a stored part; order and lengths are checked because the manifest will vouch for them. */
function sealedOf(part: StoredPart, previous: StoredPart | undefined): SealedPart {
  const { sealed } = part;
  if (sealed?.number !== part.partNumber || sealed.plaintextLength !== part.size) {
    throw integrityError(`part ${part.partNumber} is not sealed as it is listed`);
  }
  if (previous !== undefined && previous.partNumber >= part.partNumber) {
    throw new GatewayError(
      'InvalidPartOrder',
      'The list of parts was not in ascending order. Parts must be ordered by part number.',
    );
  }
  return sealed;
}

function checkBucket(header: SealHeader, bucket: string): void {
  if (header.bucket !== bucket) throw integrityError('the upload belongs to another bucket');
}
