import type { Body } from '../model/body.ts';
import type { Capabilities } from '../model/backend.ts';
import type { KeySpelling, ObservedEncryption, Secret } from '../model/encryption.ts';
import type { GatewayError } from '../model/errors.ts';
import type { BucketPolicyStatement } from '../model/bucket-policy.ts';
import type { ObjectMetadata } from '../model/objects.ts';
import type { OperationName, StorageRequest, StorageResult } from '../model/operations.ts';
import type { OutgoingRequest, WireRequest, WireResponse } from '../wire/message.ts';

export type DialectName = 's3' | 'oss' | 'jd';

/** A key pair of a client (to verify) or of a store (to sign). */
export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken?: Secret;
}

/** How buckets stand on the wire. All hosts in lower case without port. */
export interface Addressing {
  /** Virtual-hosted addressing under these. */
  readonly domains: readonly string[];
  /** Host → bucket, for clients in CNAME mode. */
  readonly cnames: Readonly<Record<string, string>>;
}

/** Which signature forms a listener takes. */
export interface SignatureOptions {
  readonly ossV1: 'allow' | 'deny';
  readonly sigV2: 'allow' | 'deny';
}

export interface VerifyContext {
  /** The credential for an access key id. Unknown ids must take as long as known ones. */
  readonly credential: (accessKeyId: string) => Credential | undefined;
  /** Literal bucket names that a credential may use, 16 at most: candidates in CNAME mode. */
  readonly candidateBuckets: (accessKeyId: string) => readonly string[];
  readonly addressing: Addressing;
  readonly signatures: SignatureOptions;
  /** ms since the epoch. */
  readonly now: number;
}

/** The form of signature that opened the request; counted in metrics, asked by rules about old forms. */
export type SignatureForm =
  | 'sigv4'
  | 'sigv4-presigned'
  | 'sigv2-presigned'
  | 'oss-v1'
  | 'oss-v1-url'
  | 'oss-v2'
  | 'oss-v2-url'
  | 'oss-v4'
  | 'oss-v4-url';

/** A request whose signature holds. Identity comes from here and from nowhere else. */
export interface VerifiedRequest {
  readonly wire: WireRequest;
  readonly accessKeyId: string;
  readonly form: SignatureForm;
  /** The bucket and decoded key that the signature covers; undefined for the service and for a bucket. */
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  /** The decoded, checked payload; errors at its end as `Body` says. */
  readonly body: Body;
  /** The authenticated client replicates: a vendor's replication headers are no forgery then, and have no effect. */
  readonly replicator?: boolean;
}

/** What a request says of itself while nothing of it is proven: an answer to a question, never a right to do anything. */
export interface Presumed {
  readonly form: SignatureForm;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly body: Body;
}

export interface EncodeContext {
  readonly requestId: string;
  /** ms since the epoch. */
  readonly now: number;
  readonly method: string;
  readonly bucket: string | undefined;
  /** The path as the client sent it, for `<Resource>`. */
  readonly resource: string;
  /** The URI of the request's bucket and key as its client reaches them, for `<Location>`. */
  readonly location: string;
  readonly host: string;
  /** Who owns every bucket, for the documents that name an owner: 12 digits. */
  readonly owner: string;
}

/** What a dialect needs to know of a store in order to speak to it. */
export interface StoreTarget {
  /** `https://host[:port]`, no path. */
  readonly endpoint: string;
  readonly region: string;
  readonly addressing: 'path' | 'virtual';
  readonly credential: Credential;
  readonly capabilities: Capabilities;
  /** `v1` switches an OSS store to the old signature. */
  readonly signature?: 'v1' | 'v4';
}

/** A request for a store, encoded but not signed. `host` is the value of the Host header to sign. */
export interface UnsignedRequest extends OutgoingRequest {
  readonly host: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  /** Plaintext length of a streamed body, if known. */
  readonly bodyLength: number | undefined;
  /** Hex SHA-256 of the payload, where it is known up front. */
  readonly bodySha256?: string;
}

declare const signed: unique symbol;
export type SignedRequest = OutgoingRequest & { readonly host: string; readonly [signed]: true };

/** Rules of a language that the core asks for instead of asking for its name. */
export interface DialectTraits {
  /** Answers carry a CRC-64/XZ: it is computed while an upload streams by. */
  readonly crc64: boolean;
  /** A copy of an object onto itself must change something (S3). */
  readonly selfCopyNeedsChange: boolean;
  /** Bytes; a part that is not the last and is smaller is EntityTooSmall at Complete (S3 5 MiB, OSS 100 KiB). */
  readonly minimumPartSize: number;
  /** A client's own encryption headers have no effect on object writes (JD). */
  readonly wishesIgnored: boolean;
  /** `GET ?encryption` of a bucket with no rule shows the implied `managed` (AWS since 2023, OSS clients too); JD answers 404 always. */
  readonly showsImpliedRule: boolean;
  /** DeleteObjects answers an error per key (S3); OSS has none, so a refused key refuses the batch. */
  readonly perKeyErrors: boolean;
  /** Uploads under way keep a bucket from being deleted (OSS DeleteBucket: parts count as content); else they go with it (S3 general purpose buckets). */
  readonly uploadsKeepBucket: boolean;
  /** Encrypted objects are written and read over TLS only (JD). */
  readonly encryptionNeedsTls: boolean;
  /**
   * SDKs read the body of a 200 to a copy or a Complete and take an `<Error>` in it for a failure (S3). Alibaba's take any 200
   * for a success (oss2 `copy_object`, ali-oss, the Go SDKs): for them no head goes out before the outcome is known.
   */
  readonly readsErrorsInside200: boolean;
  /** Signature forms that never write or read a KMS object (AWS: SigV2). */
  readonly formsWithoutKms?: readonly SignatureForm[];
}

/**
 * One HTTP object-storage language: client face (verify, decodeRequest, encodeResponse, encodeError) and store face
 * (encodeRequest, sign, decodeResponse). Everything throws `GatewayError`.
 */
export interface Dialect {
  readonly name: DialectName;
  readonly traits: DialectTraits;
  /** Whether an unsigned or undecided request carries words that only this dialect has. */
  speaks?(wire: WireRequest): boolean;
  /** Whether the request carries this dialect's kind of signature, and for which access key; judged before any secret is touched. */
  claims(wire: WireRequest): Claim | undefined;
  /** A variant shares its parent's function: that is how the core knows that they are one language. */
  readonly verify: (wire: WireRequest, context: VerifyContext) => VerifiedRequest;
  /**
   * What `verify` would find if the signature held, for a request that somebody asks about; without any signature the
   * newest form is presumed. Throws what `verify` throws before it asks for a secret, clocks excepted.
   */
  presume(wire: WireRequest, context: Pick<VerifyContext, 'addressing' | 'signatures'>): Presumed;
  /**
   * Small documents are read here, bounded. `allowed`: what the bucket's policy lets the store call out for; absent is
   * nothing. `beforeDocument` is asked before the first byte of one is, and throws the refusal.
   */
  decodeRequest(
    request: VerifiedRequest,
    allowed?: readonly CallOut[],
    beforeDocument?: BeforeDocument,
  ): Promise<StorageRequest>;
  encodeResponse<N extends OperationName>(
    request: StorageRequest<N>,
    result: StorageResult<N>,
    context: EncodeContext,
  ): WireResponse;
  encodeError(error: GatewayError, context: EncodeContext): WireResponse;
  /** Error document alone, for a failure after `200` has gone out (copies through the gateway). */
  encodeErrorDocument(error: GatewayError, context: EncodeContext): string;

  encodeRequest(request: StorageRequest, target: StoreTarget): UnsignedRequest;
  sign(request: UnsignedRequest, target: StoreTarget, now: number): SignedRequest;
  /** Reads and bounds the store's XML; throws the model's error for an error answer, also for one inside a 200. */
  decodeResponse<N extends OperationName>(
    request: StorageRequest<N>,
    response: WireResponse,
  ): Promise<StorageResult<N>>;

  /** Passthrough: whether a sub-resource may cross unchanged between a client and a store of this dialect. */
  passthrough(
    request: VerifiedRequest,
  ): { readonly subresource: string; readonly access: 'read' | 'configure' } | undefined;
  /** The same request for a store of this dialect, headers by allowlist; `storeBucket` is the bucket's name there. */
  encodePassthrough?(request: VerifiedRequest, storeBucket: string, target: StoreTarget): UnsignedRequest;

  /** The owners that the request expects of its bucket or of a copy's source; throws for what is no owner. */
  expectedOwners?(request: VerifiedRequest): readonly string[];
  /** Whether the request would make the store call out to somebody. */
  callsOut?(request: VerifiedRequest): CallOut | undefined;
  /** What this language refuses of a copy once the source's metadata is known (OSS: client-side encryption is set once). */
  copyRefusal?(
    request: StorageRequest<'CopyObject' | 'UploadPartCopy'>,
    sourceMetadata: ObjectMetadata,
  ): GatewayError | undefined;

  /** How its stores spell key ids: whoever compares two of them asks here. */
  readonly keySpelling: KeySpelling;
  /** Whether this dialect has a name for an observed encryption (SM4 has none in S3). */
  canExpress(encryption: ObservedEncryption<string>): boolean;
  /** Header and query names whose values are secrets, for the redactor; lower case. */
  readonly secretNames: readonly string[];
  /** A stored bucket policy's statements in the model's words; throws `NotImplemented` naming what cannot be judged. */
  parseBucketPolicy(document: string, options?: BucketPolicyReading): readonly BucketPolicyStatement[];
}

export type BeforeDocument = (
  ...asked:
    [operation: Exclude<OperationName, 'Passthrough'>] | [operation: 'Passthrough', access: 'read' | 'configure']
) => void;

export interface BucketPolicyReading {
  /** The bucket that the document is for: its resources must name it. */
  readonly bucket?: string;
  /** The store enforces the document too: statements that have nothing to do with the client's own hop are left to it. */
  readonly judgedAtStore?: boolean;
}

/** Why a store would call somebody: the words of the policy's `allow`. */
export type CallOut = 'callback' | 'process' | 'fetch';

export interface Claim {
  readonly accessKeyId: string | undefined;
}
