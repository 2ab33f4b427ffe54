import type { Body, ChecksumAlgorithm } from '../../model/body.ts';
import type { CustomerKey, Encryption, KeyAlias } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Keyring } from '../../model/keyring.ts';
import type { Content, SealRecord } from '../../model/seal.ts';
import { createDataKey, manifestKeysOf, openDataKey, type DataKeyHome } from '../../envelope/data-key.ts';
import { integrityError } from '../../envelope/integrity-error.ts';
import { signManifest, verifyManifest, type SealBinding } from '../../envelope/manifest.ts';
import type { RandomBytes } from '../../envelope/random-bytes.ts';
import { openMeta, sealMeta, type SealedMeta } from '../../envelope/sealed-meta.ts';
import { once } from './once.ts';
import { appendedEtag, etagNeedsMd5, sealedEtag } from './seal-etag.ts';
import { sealAttempt } from './sealed-attempt.ts';
import { combineCrc64 } from './whole-digests.ts';

/** What every sealing write needs beside its bytes. */
export interface SealServices {
  readonly keyring: Keyring;
  /** The keyring's name of a policy alias (`keys: { orders: { keyring: … } }`). */
  readonly keyIdOf: (alias: string) => string;
  readonly randomBytes: RandomBytes;
}

/** Seals a whole object: a put, a copy through the gateway, or the first append. */
export async function sealPut(
  options: SealServices & {
    readonly body: Body;
    readonly encryption: Encryption<KeyAlias>;
    /** The bucket's name at the store. */
    readonly bucket: string;
    readonly binding: SealBinding;
    /** Somebody will compare a CRC64. */
    readonly crc64: boolean;
    /** Taken where the body itself names none. */
    readonly checksum?: ChecksumAlgorithm;
  },
): Promise<Content> {
  const { body, bucket, binding, keyring, randomBytes } = options;
  const home = dataKeyHome(options.encryption, options.keyIdOf);
  const { header, dataKey } = await createDataKey({ home, bucket, uploadId: '', keyring, randomBytes });
  const keys = manifestKeysOf(dataKey, header.oid);
  const wanted = { md5: etagNeedsMd5(header.mode), crc64: options.crc64, checksum: options.checksum };
  const sealed = await sealAttempt({ header, dataKey, number: 1, body, wanted, randomBytes });
  return {
    bytes: sealed.bytes,
    length: sealed.length,
    finish: once(() => {
      const { digests, part } = sealed.finish();
      const meta: SealedMeta = {
        md5: digests.md5,
        crc64: digests.crc64,
        ...(digests.checksum === undefined ? {} : { checksum: digests.checksum }),
      };
      const sealedMeta = sealMeta(keys.meta, header, meta, randomBytes);
      const seal = signManifest(keys.mac, { header, parts: [part], sealedMeta }, binding);
      return { digests, etag: sealedEtag(header.mode, keys.mac, 1, { md5: digests.md5, salt: part.salt }), seal };
    }),
  };
}

/**
 * Seals one more part onto an object; `finish` answers the whole new record, while `digests` are those of the appended
 * bytes. The object's key and metadata stay those of its first append.
 */
export async function sealAppend(options: {
  readonly record: SealRecord;
  readonly body: Body;
  readonly bucket: string;
  readonly binding: SealBinding;
  readonly customerKey: CustomerKey | undefined;
  readonly keyring: Keyring;
  readonly randomBytes: RandomBytes;
}): Promise<Content> {
  const { record, body, binding, randomBytes } = options;
  if (record.bucket !== options.bucket) throw integrityError('the record belongs to another bucket');
  const dataKey = await openDataKey(record, options.keyring, options.customerKey);
  const keys = manifestKeysOf(dataKey, record.oid);
  verifyManifest(keys.mac, record, binding);
  const before = openMeta(keys.meta, record, record.sealedMeta);
  const number = (record.parts.at(-1)?.number ?? 0) + 1;
  const wanted = { md5: false, crc64: true, checksum: undefined };
  const sealed = await sealAttempt({ header: record, dataKey, number, body, wanted, randomBytes });
  return {
    bytes: sealed.bytes,
    length: sealed.length,
    finish: once(() => {
      const { digests, part } = sealed.finish();
      const crc64 = before.crc64 === '' ? '' : combineCrc64(before.crc64, digests.crc64, digests.size);
      const parts = [...record.parts, part];
      const sealedMeta = sealMeta(keys.meta, record, { crc64 }, randomBytes);
      const seal = signManifest(keys.mac, { header: record, parts, sealedMeta }, binding);
      return {
        digests,
        etag: appendedEtag(
          keys.mac,
          parts.map(({ salt }) => salt),
        ),
        seal,
      };
    }),
  };
}

/**
 * Where the data key of a decided encryption lives. What the envelope cannot do (SM4, two layers, nothing at all) is
 * refused here too, whatever the policy has let through: an envelope never says more than it does.
 */
export function dataKeyHome(encryption: Encryption<KeyAlias>, keyIdOf: (alias: string) => string): DataKeyHome {
  switch (encryption.kind) {
    case 'managed':
      if (encryption.algorithm === 'AES256') return { mode: 'managed' };
      break;
    case 'kms':
      if (encryption.algorithm === 'AES256' && encryption.layers === 1) {
        const { key, context } = encryption;
        return { mode: 'kms', alias: key, keyId: keyIdOf(key), ...(context === undefined ? {} : { context }) };
      }
      break;
    case 'customer':
      return { mode: 'customer', customerKey: encryption.key };
    case 'none':
      break;
  }
  throw new GatewayError('NotImplemented', 'The gateway cannot seal with the encryption that was decided.');
}
