import type { Body, Checksum, ChecksumAlgorithm, ChecksumType, UploadChecksum } from './body.ts';
import type { BucketRule, CustomerKey, Encryption, ObservedEncryption, StoreKeyId, WireKeyId } from './encryption.ts';
import type {
  AskedAcl,
  BucketInfo,
  ByteRange,
  CannedAcl,
  CompletedPart,
  Conditions,
  ListedObject,
  ObjectAttributes,
  ObjectContent,
  ObjectMetadata,
  ObjectRef,
  PartList,
  RangeSpec,
  ReplicationRules,
  StorageClass,
  Tags,
  UploadInfo,
  VersionedRef,
  Wish,
  WriteResult,
} from './objects.ts';
import type { Content, SealHeader, SealRecord } from './seal.ts';

/** The wish on the way in, the store's own encryption words on the way out (gateway → backend). */
interface Encryptable {
  readonly wish: Wish;
  /** Set by the gateway: what a store is to be told. Absent means that no header is sent. */
  readonly encryption?: Encryption<StoreKeyId>;
}

interface ObjectWrite extends ObjectRef, Encryptable {
  readonly metadata: ObjectMetadata;
  readonly tags?: Tags;
  readonly storageClass?: StorageClass;
  readonly acl?: AskedAcl;
  readonly conditions: Conditions;
  /** OSS `x-oss-forbid-overwrite`: 409 FileAlreadyExists instead of 412. */
  readonly forbidOverwrite?: boolean;
}

interface Beginning {
  /** Set by the gateway: the bucket's own rule decided the encryption, so that what begins here goes on whatever that rule says later. */
  readonly underBucketRule?: boolean;
}

interface CopySource {
  readonly source: VersionedRef;
  readonly sourceConditions: Conditions;
  readonly sourceCustomerKey?: CustomerKey;
}

interface ListPage {
  readonly bucket: string;
  readonly prefix: string;
  readonly delimiter: string;
  readonly maxKeys: number;
  readonly encodingType?: 'url';
}

interface ListResult {
  readonly objects: readonly ListedObject[];
  readonly commonPrefixes: readonly string[];
  readonly truncated: boolean;
}

interface BucketOnly {
  readonly bucket: string;
}

interface ReadObject extends VersionedRef {
  readonly range?: RangeSpec;
  /** OSS's default: a range that reaches beyond the object's end answers the whole object, not 416 or what there is. */
  readonly lenientRange?: boolean;
  readonly partNumber?: number;
  readonly conditions: Conditions;
  readonly customerKey?: CustomerKey;
  readonly checksumMode: boolean;
  /** `response-*` overrides, lower-case header name → value. */
  readonly overrides: Readonly<Record<string, string>>;
}

/** A bucket sub-resource outside the model, that passes through between like dialects. */
interface PassthroughRequest {
  readonly bucket: string;
  readonly key?: string;
  /** The sub-resource, for policy and errors: `lifecycle`, `cors` … */
  readonly subresource: string;
  readonly access: 'read' | 'configure';
  /** The client's document, read whole and judged: it goes on in place of the request's own body. */
  readonly document?: Uint8Array;
  /** What the policy must allow beside the grant: somebody else would be called, or given a right. */
  readonly demands?: readonly ('callback' | 'public-acl')[];
  /** Buckets that the store would write into by itself, under their names there. */
  readonly destinations?: readonly string[];
  /** Keys, by the store's ids, that it would write under by itself. */
  readonly keyIds?: readonly string[];
}

interface PartWrite extends ObjectRef {
  readonly uploadId: string;
  readonly partNumber: number;
  readonly customerKey?: CustomerKey;
  /** Repeated from Create (minio-go): accepted when they say what Create said. */
  readonly checksumAlgorithm?: ChecksumAlgorithm;
  readonly checksumType?: ChecksumType;
  /** Repeated initiate headers (ali-oss): accepted when they say what Create said. */
  readonly repeatedWish?: Wish;
  /** User metadata that a part repeats (OSS, client-side encryption); a store of that language wants it back. */
  readonly repeatedMetadata?: ObjectMetadata['user'];
}

/** Every operation of the model with what goes in and what comes out. Names are S3's. */
export interface Operations {
  ListBuckets: {
    request: { readonly prefix?: string; readonly marker?: string; readonly maxKeys?: number };
    result: { readonly buckets: readonly BucketInfo[]; readonly truncated: boolean; readonly nextMarker?: string };
  };
  CreateBucket: {
    request: BucketOnly & Encryptable & { readonly acl?: AskedAcl; readonly location?: string };
    result: { readonly location: string; readonly created: boolean };
  };
  HeadBucket: { request: BucketOnly; result: { readonly region: string } };
  DeleteBucket: {
    request: BucketOnly & {
      /** Set by the gateway: uploads under way are content too, and the bucket is not empty. */
      readonly uploadsKeep?: boolean;
    };
    result: object;
  };
  GetBucketLocation: { request: BucketOnly; result: { readonly region: string } };
  GetBucketInfo: {
    request: BucketOnly;
    result: BucketInfo & { readonly acl: CannedAcl; readonly encryption: BucketRule | undefined };
  };
  GetBucketStat: {
    request: BucketOnly;
    result: { readonly objects: number; readonly bytes: number; readonly uploads: number };
  };
  GetBucketAcl: { request: BucketOnly; result: { readonly acl: CannedAcl } };
  PutBucketAcl: { request: BucketOnly & { readonly acl: AskedAcl }; result: object };
  GetObjectAcl: { request: VersionedRef; result: { readonly acl: CannedAcl } };
  PutObjectAcl: { request: VersionedRef & { readonly acl: AskedAcl }; result: object };
  GetBucketVersioning: { request: BucketOnly; result: { readonly status: 'Enabled' | 'Suspended' | undefined } };
  GetBucketEncryption: { request: BucketOnly; result: { readonly rule: BucketRule | undefined } };
  PutBucketEncryption: {
    /** `rule` as the client words it; `storeRule` is set by the gateway for the store. */
    request: BucketOnly & { readonly rule: BucketRule<WireKeyId>; readonly storeRule?: BucketRule };
    result: object;
  };
  DeleteBucketEncryption: { request: BucketOnly; result: object };
  GetBucketReplication: { request: BucketOnly; result: { readonly replication: ReplicationRules } };
  PutBucketReplication: { request: BucketOnly; result: object };
  DeleteBucketReplication: { request: BucketOnly; result: object };
  GetBucketPolicy: { request: BucketOnly; result: { readonly document: string | undefined } };
  PutBucketPolicy: { request: BucketOnly & { readonly document: string }; result: object };
  DeleteBucketPolicy: { request: BucketOnly; result: object };
  ListObjects: {
    request: ListPage & { readonly marker: string };
    result: ListResult & { readonly nextMarker?: string };
  };
  ListObjectsV2: {
    request: ListPage & {
      readonly continuationToken?: string;
      readonly startAfter: string;
      readonly fetchOwner: boolean;
    };
    /** Tokens are made of unreserved characters only. */
    result: ListResult & { readonly nextToken?: string; readonly keyCount: number };
  };
  ListObjectVersions: {
    request: ListPage & { readonly keyMarker: string; readonly versionIdMarker: string };
    result: ListResult & { readonly nextKeyMarker?: string; readonly nextVersionIdMarker?: string };
  };
  PutObject: {
    request: ObjectWrite & {
      readonly body: Body;
      readonly content?: Content;
      /** To be taken of the body where that names none of its own. */
      readonly checksumAlgorithm?: ChecksumAlgorithm;
    };
    result: WriteResult;
  };
  AppendObject: {
    request: ObjectWrite & Beginning & { readonly body: Body; readonly position: number; readonly content?: Content };
    result: WriteResult & { readonly nextPosition: number };
  };
  GetObject: {
    /** `bytesPerSecond`: no faster than this (OSS). */
    request: ReadObject & { readonly bytesPerSecond?: number };
    result: ObjectAttributes & {
      readonly content: ObjectContent;
      readonly range?: ByteRange;
      readonly notModified?: false;
    };
  };
  HeadObject: {
    /** `light` is OSS's `?objectMeta`. */
    request: ReadObject & { readonly light?: boolean };
    result: ObjectAttributes & { readonly range?: ByteRange; readonly seal?: SealRecord };
  };
  GetObjectAttributes: {
    request: VersionedRef & {
      readonly customerKey?: CustomerKey;
      readonly attributes: readonly string[];
      readonly maxParts: number;
      readonly partNumberMarker: number;
    };
    result: ObjectAttributes & { readonly parts?: PartList };
  };
  CopyObject: {
    request: ObjectWrite &
      CopySource & {
        readonly metadataDirective: 'COPY' | 'REPLACE';
        readonly taggingDirective: 'COPY' | 'REPLACE';
        readonly checksumAlgorithm?: ChecksumAlgorithm;
      };
    result: WriteResult & { readonly lastModified: number };
  };
  DeleteObject: { request: VersionedRef; result: { readonly deleteMarker?: boolean; readonly versionId?: string } };
  DeleteObjects: {
    request: BucketOnly & {
      readonly objects: readonly { readonly key: string; readonly versionId?: string }[];
      readonly quiet: boolean;
      readonly encodingType?: 'url';
    };
    result: {
      readonly deleted: readonly {
        readonly key: string;
        readonly versionId?: string;
        /** A marker was made, or the version that was taken away was one; `markerVersionId` is its id. */
        readonly deleteMarker?: boolean;
        readonly markerVersionId?: string;
      }[];
      readonly errors: readonly { readonly key: string; readonly code: string; readonly message: string }[];
    };
  };
  GetObjectTagging: { request: VersionedRef; result: { readonly tags: Tags; readonly versionId?: string } };
  PutObjectTagging: { request: VersionedRef & { readonly tags: Tags }; result: { readonly versionId?: string } };
  DeleteObjectTagging: { request: VersionedRef; result: { readonly versionId?: string } };
  CreateMultipartUpload: {
    request: ObjectWrite &
      Beginning & {
        readonly checksumAlgorithm?: ChecksumAlgorithm;
        readonly checksumType?: ChecksumType;
        /** Set by the gateway when it seals. */
        readonly seal?: SealHeader;
      };
    result: {
      readonly uploadId: string;
      readonly encryption?: ObservedEncryption;
      /** What the store will keep of the checksum that was asked for; absent where it said nothing. */
      readonly checksum?: UploadChecksum;
    };
  };
  UploadPart: { request: PartWrite & { readonly body: Body; readonly content?: Content }; result: WriteResult };
  UploadPartCopy: {
    request: PartWrite & CopySource & { readonly sourceRange?: ByteRange };
    result: WriteResult & { readonly lastModified: number };
  };
  CompleteMultipartUpload: {
    request: ObjectRef & {
      readonly uploadId: string;
      /** `all` is OSS's `x-oss-complete-all`. */
      readonly parts: readonly CompletedPart[] | 'all';
      /** Repeated initiate headers (ali-oss): accepted when they say what Create said. */
      readonly repeatedWish?: Wish;
      readonly conditions: Conditions;
      readonly forbidOverwrite?: boolean;
      /** OSS sets an object's ACL here. */
      readonly acl?: AskedAcl;
      readonly customerKey?: CustomerKey;
      /** Bytes that the client counted; another sum of the parts is refused. */
      readonly objectSize?: number;
      /** Of the whole object. */
      readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly value: string };
      readonly checksumType?: ChecksumType;
      /** Set by the gateway when it sealed the parts. */
      readonly seal?: {
        readonly record: SealRecord;
        readonly etag: string;
        readonly checksum?: Checksum;
        readonly crc64?: string;
      };
    };
    result: WriteResult;
  };
  AbortMultipartUpload: { request: ObjectRef & { readonly uploadId: string }; result: object };
  ListParts: {
    request: ObjectRef & {
      readonly uploadId: string;
      readonly maxParts: number;
      readonly partNumberMarker: number;
      readonly encodingType?: 'url';
      readonly customerKey?: CustomerKey;
    };
    result: PartList & {
      readonly storageClass?: StorageClass;
      readonly checksumAlgorithm?: ChecksumAlgorithm;
      readonly checksumType?: ChecksumType;
    };
  };
  ListMultipartUploads: {
    request: BucketOnly & {
      readonly prefix: string;
      readonly delimiter: string;
      readonly keyMarker: string;
      readonly uploadIdMarker: string;
      readonly maxUploads: number;
      readonly encodingType?: 'url';
    };
    result: {
      readonly uploads: readonly UploadInfo[];
      readonly commonPrefixes: readonly string[];
      readonly truncated: boolean;
      readonly nextKeyMarker?: string;
      readonly nextUploadIdMarker?: string;
    };
  };
  Passthrough: { request: PassthroughRequest; result: object };
}

export type OperationName = keyof Operations;

/** A request of the model: the operation's name and its parameters. */
export type StorageRequest<N extends OperationName = OperationName> = {
  [K in N]: { readonly operation: K } & Operations[K]['request'];
}[N];

/** What an operation answers. */
export type StorageResult<N extends OperationName = OperationName> = Operations[N]['result'];

/** What a grant must allow for an operation. */
export type Action = 'read' | 'write' | 'delete' | 'list' | 'configure';

export const ACTION_OF: Readonly<Record<Exclude<OperationName, 'Passthrough' | 'ListBuckets'>, Action>> = {
  CreateBucket: 'configure',
  HeadBucket: 'list',
  DeleteBucket: 'configure',
  GetBucketLocation: 'list',
  GetBucketInfo: 'list',
  GetBucketStat: 'list',
  GetBucketAcl: 'read',
  PutBucketAcl: 'configure',
  GetObjectAcl: 'read',
  PutObjectAcl: 'configure',
  GetBucketVersioning: 'read',
  GetBucketEncryption: 'configure',
  PutBucketEncryption: 'configure',
  DeleteBucketEncryption: 'configure',
  GetBucketReplication: 'read',
  PutBucketReplication: 'configure',
  DeleteBucketReplication: 'configure',
  GetBucketPolicy: 'read',
  PutBucketPolicy: 'configure',
  DeleteBucketPolicy: 'configure',
  ListObjects: 'list',
  ListObjectsV2: 'list',
  ListObjectVersions: 'list',
  PutObject: 'write',
  AppendObject: 'write',
  GetObject: 'read',
  HeadObject: 'read',
  GetObjectAttributes: 'read',
  CopyObject: 'write',
  DeleteObject: 'delete',
  DeleteObjects: 'delete',
  GetObjectTagging: 'read',
  PutObjectTagging: 'write',
  DeleteObjectTagging: 'write',
  CreateMultipartUpload: 'write',
  UploadPart: 'write',
  UploadPartCopy: 'write',
  CompleteMultipartUpload: 'write',
  AbortMultipartUpload: 'write',
  ListParts: 'write',
  ListMultipartUploads: 'write',
};
