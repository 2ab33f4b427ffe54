import type { ByteStream, Checksum, ChecksumAlgorithm } from './body.ts';
import type { Encryption, ObservedEncryption, WireKeyId } from './encryption.ts';
import type { GatewayError } from './errors.ts';
import type { SealRecord, SealedPart } from './seal.ts';

/** `key` as decoded UTF-8 text, never normalised. `bucket` is the client's name in requests, the store's at a store. */
export interface ObjectRef {
  readonly bucket: string;
  readonly key: string;
}

export interface VersionedRef extends ObjectRef {
  readonly versionId?: string;
}

/** RFC 9110 conditions. ETags unquoted or `*`; dates in ms since the epoch. */
export interface Conditions {
  readonly ifMatch?: readonly string[];
  readonly ifNoneMatch?: readonly string[];
  readonly ifModifiedSince?: number;
  readonly ifUnmodifiedSince?: number;
}

/** One range as asked for, before the object's size is known. */
export type RangeSpec =
  | { readonly kind: 'from'; readonly first: number; readonly last?: number }
  | { readonly kind: 'suffix'; readonly length: number };

/** A resolved range: inclusive byte positions of the plaintext. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** What a client sets on an object beside its bytes. `user` has lower-case names without the vendor's prefix. */
export interface ObjectMetadata {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly contentDisposition?: string;
  readonly contentLanguage?: string;
  readonly cacheControl?: string;
  readonly expires?: string;
  readonly websiteRedirect?: string;
  /** Values byte-exact as latin1 text of the header. */
  readonly user: Readonly<Record<string, string>>;
}

export type StorageClass =
  | 'STANDARD'
  | 'STANDARD_IA'
  | 'ONEZONE_IA'
  | 'REDUCED_REDUNDANCY'
  | 'INTELLIGENT_TIERING'
  | 'GLACIER_IR'
  | 'GLACIER'
  | 'DEEP_ARCHIVE';

export type CannedAcl = 'private' | 'public-read' | 'public-read-write' | 'authenticated-read' | 'default';

/** What a client may ask for: more words than a store answers with. */
export type AskedAcl =
  CannedAcl | 'bucket-owner-full-control' | 'bucket-owner-read' | 'aws-exec-read' | 'log-delivery-write';

/** Whether somebody would get a right who has none where nothing is asked. */
export function isWiderThanPrivate(acl: AskedAcl): boolean {
  return acl !== 'private' && acl !== 'default' && acl !== 'bucket-owner-full-control';
}
export type Tags = Readonly<Record<string, string>>;

/**
 * What the client's own headers ask of the encryption. An ill-formed wish is a value, so that a stored bucket policy
 * can answer 403 before it becomes a 400.
 */
export type Wish =
  | {
      readonly state: 'absent';
      /** Headers that have no effect in this dialect (JD), for the audit record. */ readonly ignored?: string;
    }
  | { readonly state: 'wellFormed'; readonly encryption: Encryption<WireKeyId>; readonly raw: string }
  | {
      readonly state: 'illFormed';
      readonly error: GatewayError;
      readonly raw: string;
      /** What was asked as far as it could be read, for stored bucket policies. */
      readonly asked?: AskedEncryption;
    };

/** An encryption wish in the words that `BucketPolicyCondition` compares: absent fields were not sent. */
export interface AskedEncryption {
  /** `AES256`, `SM4`, `kms`, `kms:2` (two layers); a value with no meaning as the client wrote it. */
  readonly encryption?: string;
  readonly kmsKeyId?: string;
  readonly customerAlgorithm?: string;
}

export interface ListedObject {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly lastModified: number;
  readonly storageClass: StorageClass;
  readonly versionId?: string;
  readonly isLatest?: boolean;
  readonly deleteMarker?: boolean;
  readonly type?: ObjectType;
  readonly checksumAlgorithm?: ChecksumAlgorithm;
}

export type ObjectType = 'Normal' | 'Multipart' | 'Appendable' | 'Symlink';

/** Attributes of a stored object, in plaintext terms. */
export interface ObjectAttributes {
  readonly size: number;
  /** Unquoted. */
  readonly etag: string;
  readonly lastModified: number;
  readonly metadata: ObjectMetadata;
  readonly encryption: ObservedEncryption;
  readonly storageClass?: StorageClass;
  readonly versionId?: string;
  readonly checksum?: Checksum;
  readonly crc64?: string;
  readonly tagCount?: number;
  readonly partCount?: number;
  readonly type?: ObjectType;
  readonly appendPosition?: number;
  /** Other headers of the store's answer that the client may see, already in model spelling (`expiration`, `restore`). */
  readonly extra?: Readonly<Record<string, string>>;
}

/** The bytes of an answer: as they are, or sealed and to be opened by the gateway. */
export type ObjectContent =
  | { readonly kind: 'plain'; readonly bytes: ByteStream; readonly length: number }
  | {
      readonly kind: 'sealed';
      readonly record: SealRecord;
      /** Ciphertext of one part, inclusive positions within that part. */
      readonly read: (part: SealedPart, first: number, last: number) => ByteStream;
      /** Releases what the handle holds; idempotent. */
      readonly close: () => Promise<void>;
    };

export interface WriteResult {
  readonly etag: string;
  readonly versionId?: string;
  /** Absent: the answer was silent about encryption. */
  readonly encryption?: ObservedEncryption;
  readonly checksum?: Checksum;
  readonly crc64?: string;
}

export interface PartInfo {
  readonly partNumber: number;
  readonly size: number;
  readonly etag: string;
  readonly lastModified: number;
  readonly checksum?: Checksum;
}

export interface UploadInfo {
  readonly key: string;
  readonly uploadId: string;
  readonly initiated: number;
  readonly storageClass: StorageClass;
}

export interface CompletedPart {
  readonly partNumber: number;
  readonly etag: string;
  readonly checksum?: string;
  readonly checksumAlgorithm?: ChecksumAlgorithm;
}

export interface PartList {
  readonly parts: readonly PartInfo[];
  readonly truncated: boolean;
  readonly nextPartNumberMarker?: number;
  readonly total?: number;
}

export interface BucketInfo {
  readonly name: string;
  readonly createdAt: number;
  readonly region: string;
  readonly storageClass: StorageClass;
}

/** A bucket's `replicas:` rule, as replication configuration documents show it. */
export interface ReplicationRules {
  readonly rule: 'target-default' | 'keep-source';
  readonly kmsObjects?: 'replicate' | 'skip';
  /** The replica key in the words that the client may see. */
  readonly replicaKey?: string;
  readonly targets: readonly { readonly bucket: string; readonly prefix: string; readonly deletes: boolean }[];
}
