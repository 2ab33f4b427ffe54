import type { ObjectMetadata, PartInfo } from './objects.ts';
import type { OperationName, StorageRequest, StorageResult } from './operations.ts';
import type { Checksum, UploadChecksum } from './body.ts';
import type { ObservedEncryption } from './encryption.ts';
import type { KeyShape } from './key-shape.ts';
import type { SealedPart, SealHeader, SealRecord } from './seal.ts';

/** What a store can do, as data: defaults per store type, overridden by `capabilities:` in the configuration. */
export interface Capabilities {
  /** Managed algorithms that an object's own request may ask for. */
  readonly managed: readonly ('AES256' | 'SM4')[];
  readonly kms: 'any' | 'none' | readonly string[];
  /** Data algorithms under KMS. */
  readonly kmsAlgorithms: readonly ('AES256' | 'SM4')[];
  readonly layers: readonly (1 | 2)[];
  readonly customerKey: boolean;
  /** Whether the store takes KMS without a key id. */
  readonly kmsDefaultKey: boolean;
  readonly context: boolean;
  readonly bucketKey: boolean;
  /** Encryption on each object's request is honoured; false: by bucket rule only (JD). */
  readonly perObject: boolean;
  /** A native CopyObject/UploadPartCopy honours the target's encryption; false: read and write through the gateway. */
  readonly copyWithEncryption: boolean;
  /** Conditions on a copy's target (If-Match, If-None-Match, forbid-overwrite) are honoured; many stores ignore them. */
  readonly conditionalCopy: boolean;
  /** Whether keys that differ as texts and not as paths (`/x`, `a//b`) are kept apart; `ask`: nobody has said, the store is asked. */
  readonly keys: 'exact' | 'folded' | 'ask';
  /** `?encryption` exists. */
  readonly bucketEncryption: boolean;
  readonly payload: 'signed-chunks' | 'unsigned';
  /** Bytes; a multipart part that is not the last must have at least this many. */
  readonly minimumPartSize: number;
  /** The store verifies `x-amz-checksum-*` request headers. */
  readonly checksumHeaders: boolean;
  readonly needsContentLength: boolean;
  readonly tlsOnly: boolean;
  /** The gateway seals what goes there. */
  readonly seals: boolean;
  readonly append: boolean;
  readonly tagging: boolean;
  /** GetBucketInfo is one call; elsewhere the gateway composes it. */
  readonly bucketInfo: boolean;
  /** Complete without a list of parts (`x-oss-complete-all`). */
  readonly completesAll: boolean;
}

/** Per call, from the gateway to a store. Times in ms. */
export interface CallContext {
  readonly requestId: string;
  /** Aborted when the client has gone. */
  readonly signal?: AbortSignal;
}

/** A store that the gateway speaks to. Rejects with a `GatewayError` in the model's codes; never answers a failed write. */
export interface Backend {
  /** The store's name in gateway.yaml. */
  readonly name: string;
  readonly type: string;
  /** The dialect that the store speaks; undefined for the embedded one. */
  readonly dialect: string | undefined;
  readonly capabilities: Capabilities;
  /** Buckets stand in host names there, and those know no capitals. */
  readonly bucketsInHost?: boolean;
  /** Whether the store keeps keys of this shape apart from their plain spelling; asked of it once and remembered. Undefined: it would not be asked. */
  readonly keepsApart?: (
    shape: Exclude<KeyShape, 'plain'>,
    bucket: string,
    context: CallContext,
  ) => Promise<boolean | undefined>;
  execute<N extends OperationName>(request: StorageRequest<N>, context: CallContext): Promise<StorageResult<N>>;
  /** Only stores that keep sealed content have it. */
  readonly sealed?: SealedStore;
  /** Only stores that put aside what their index does not know. */
  readonly quarantine?: () => QuarantineReport;
  close(): Promise<void>;
}

/** Files that a store does not know and has put aside. */
export interface QuarantineReport {
  readonly files: number;
  readonly bytes: number;
  /** ms since the epoch; absent where there are none. */
  readonly oldest?: number;
  /** The first hundred, oldest first. */
  readonly names: readonly string[];
}

/** An upload under way, as a sealing store remembers it. */
export interface UploadState {
  readonly seal: SealHeader | undefined;
  readonly encryption: ObservedEncryption;
  /** Whether the bucket's own rule decided the encryption; undefined where release 0.1.0 did not note it. */
  readonly underBucketRule?: boolean;
  /** ms since the epoch. */
  readonly initiated: number;
  readonly checksum: UploadChecksum;
  readonly metadata: ObjectMetadata;
}

/** A stored part with what Complete needs of it. */
export interface StoredPart extends PartInfo {
  readonly sealed: SealedPart | undefined;
  /** hex MD5 and decimal CRC64 of the part's plaintext; '' where they were not taken. */
  readonly md5: string;
  readonly crc64: string;
  readonly checksum?: Checksum;
}

/** What the gateway asks of a store whose content it seals itself. */
export interface SealedStore {
  upload(bucket: string, key: string, uploadId: string): Promise<UploadState>;
  parts(bucket: string, key: string, uploadId: string): Promise<readonly StoredPart[]>;
  /** Header, parts and state of an appendable object, undefined where there is no object. */
  appendable(bucket: string, key: string): Promise<AppendState | undefined>;
  /** Compare-and-swap of the wrapped key of one generation: a rewrap that leaves data alone. False if it has changed. */
  replaceWrappedKey(oid: string, expectedBlob: string, next: SealHeader['wrapped']): Promise<boolean>;
  /** Generations whose data key a keyring key wraps, in pages. */
  wrappedUnder(keyId: string, after: string, limit: number): Promise<readonly SealHeader[]>;
}

export interface AppendState {
  readonly record: SealRecord | undefined;
  /** As the first append set it, exactly: the record's MAC covers it. */
  readonly metadata?: ObjectMetadata;
  readonly size: number;
  readonly appendable: boolean;
  readonly encryption: ObservedEncryption;
  /** As in `UploadState`. */
  readonly underBucketRule?: boolean;
}
