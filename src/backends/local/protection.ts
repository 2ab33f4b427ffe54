import type { Encryption, ObservedEncryption, StoreKeyId } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import type { SealHeader } from '../../model/seal.ts';
import { internalError } from './failures.ts';
import { OPAQUE_ID } from './data-files.ts';

/**
 * An encryption as rows keep it, with whether the bucket's own rule decided it: what was begun so goes on so, whatever
 * the rule says later. Rows of release 0.1.0 do not say.
 */
export type StoredEncryption = ObservedEncryption & { readonly underBucketRule?: boolean };

/** What a row that something may continue keeps. */
export function begunUnder(encryption: ObservedEncryption, underBucketRule: boolean | undefined): StoredEncryption {
  return underBucketRule === undefined ? encryption : { ...encryption, underBucketRule };
}

/**
 * What may be said of the encryption: the seal's word alone. Refuses content that lies unsealed where an encryption was
 * decided, or sealed in another mode: the store has no encryption of its own.
 */
export function protectionOf(
  seal: SealHeader | undefined,
  decided: Encryption<StoreKeyId> | undefined,
): ObservedEncryption {
  if (decided !== undefined && decided.kind !== (seal?.mode ?? 'none'))
    throw new GatewayError('EncryptionNotHonoured', 'The store was not given the content encrypted as decided.');
  if (seal === undefined) return { kind: 'none' };
  switch (seal.mode) {
    case 'managed':
      return { kind: 'managed', algorithm: 'AES256' };
    case 'customer':
      if (seal.customerKeyMd5 === undefined) throw internalError('a customer seal without the MD5 of its key');
      return { kind: 'customer', algorithm: 'AES256', md5: seal.customerKeyMd5 };
    case 'kms':
      return {
        kind: 'kms',
        key: seal.keyAlias as StoreKeyId,
        algorithm: 'AES256',
        layers: 1,
        ...(decided?.kind === 'kms' && decided.context && { context: decided.context }),
        ...(decided?.kind === 'kms' && decided.bucketKey !== undefined && { bucketKey: decided.bucketKey }),
      };
  }
}

/**
 * A row and its seal must say the same of the encryption. The row is authentic by itself; of the seal nothing but its
 * MAC is, and that takes a data key which HEAD and Complete may not have.
 */
export function requireAgreement(
  seal: SealHeader | undefined,
  row: { readonly bucket: string; readonly encryption: ObservedEncryption },
): void {
  const { encryption } = row;
  const kind = seal?.mode ?? 'none';
  const same =
    kind === encryption.kind &&
    (seal === undefined || seal.bucket === row.bucket) &&
    (encryption.kind !== 'kms' || (encryption.key as string | undefined) === seal?.keyAlias) &&
    (encryption.kind !== 'customer' || encryption.md5 === seal?.customerKeyMd5);
  if (!same) throw internalError('the row and the seal disagree about the encryption');
}

/** A seal must name this bucket and a well-formed generation. */
export function requireSealFor(bucket: string, seal: SealHeader): void {
  if (seal.bucket !== bucket || !OPAQUE_ID.test(seal.oid)) throw internalError('the seal belongs to another object');
}
