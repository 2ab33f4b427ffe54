import type { ByteStream, PayloadDigests } from './body.ts';
import type { EncryptionKind } from './encryption.ts';
import type { EncryptionContext } from './encryption-context.ts';

/** A data key wrapped under a keyring's key. Stands outside every MAC so that a rewrap never touches data. */
export interface WrappedKey {
  /** Which keyring key wrapped it: `managed`, an alias, or `customer`. */
  readonly keyId: string;
  /** Version of that key at the keyring. */
  readonly keyVersion: string;
  /** base64. */
  readonly blob: string;
}

/** One sealed part (a single put has one). Sizes in bytes. */
export interface SealedPart {
  readonly number: number;
  /** Names the attempt's bytes at the store. */
  readonly attempt: string;
  readonly plaintextLength: number;
  readonly ciphertextLength: number;
  /** base64, 24 bytes. */
  readonly salt: string;
  /** base64, 32 bytes. */
  readonly commitment: string;
}

/** The key material of an object or upload under way: what any gateway needs to take a part. */
export interface SealHeader {
  /** `v2` has a client's encryption context, `v1` none; they differ in nothing else. */
  readonly format: 'bucketseal/v1' | 'bucketseal/v2';
  /** 32 hex: the immutable id of this object generation. */
  readonly oid: string;
  /** The bucket's name at the store; bound into every key. */
  readonly bucket: string;
  readonly uploadId: string;
  readonly mode: Exclude<EncryptionKind, 'none'>;
  /** The alias for `kms`; empty otherwise. */
  readonly keyAlias: string;
  /** The client's own, bound into `wrapped`; never empty. */
  readonly context?: EncryptionContext;
  readonly wrapped: WrappedKey;
  /** SSE-C uploads: manifest and metadata keys, wrapped by the managed key until Complete or Abort. */
  readonly wrappedManifestKeys?: WrappedKey;
  /** SSE-C: base64 MD5 of the customer's key. */
  readonly customerKeyMd5?: string;
}

/** What lies beside a sealed object: header, the MAC'd manifest of its parts, and sealed digests. */
export interface SealRecord extends SealHeader {
  readonly parts: readonly SealedPart[];
  /** Plaintext bytes of the whole object. */
  readonly size: number;
  /** base64: digests sealed under the object's key. */
  readonly sealedMeta: string;
  /** base64, 32 bytes. */
  readonly mac: string;
}

/** What a store keeps for a write: the bytes as they will lie there, and what is known once they have all gone by. */
export interface Content {
  readonly bytes: ByteStream;
  /** Length of `bytes` if known up front. */
  readonly length: number | undefined;
  /** Valid only after `bytes` has ended. */
  finish(): ContentRecord;
}

export interface ContentRecord {
  readonly digests: PayloadDigests;
  /** Unquoted, as clients see it. */
  readonly etag: string;
  /** Set when the bytes are sealed: the whole record for a put, the part for a part. */
  readonly seal?: SealRecord;
  readonly part?: SealedPart;
}
