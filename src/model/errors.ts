/** Every way a request can fail, spelled as S3 spells it where S3 has a word. Each dialect has a table over all of them. */
export const ERROR_CODES = [
  'AccessControlListNotSupported',
  'AccessDenied',
  'AuthorizationHeaderMalformed',
  'AuthorizationQueryParametersError',
  'BadDigest',
  'BadRequest',
  'BucketAlreadyExists',
  'BucketAlreadyOwnedByYou',
  'BucketNotEmpty',
  'EncryptionNotHonoured',
  'EntityTooLarge',
  'EntityTooSmall',
  'FileAlreadyExists',
  'IllegalLocationConstraintException',
  'IncompleteBody',
  'InternalError',
  'InvalidAccessKeyId',
  'InvalidArgument',
  'InvalidBucketName',
  'InvalidBucketOwnerAWSAccountID',
  'InvalidChunkSizeError',
  'InvalidDataEncryptionAlgorithmError',
  'InvalidDigest',
  'InvalidEncryptionAlgorithmError',
  'InvalidEncryptionRequest',
  'InvalidObjectName',
  'InvalidObjectState',
  'InvalidPart',
  'InvalidPartOrder',
  'InvalidRange',
  'InvalidRequest',
  'InvalidSecurityToken',
  'InvalidStorageClass',
  'InvalidTag',
  'InvalidURI',
  'KMS.DisabledException',
  'KMS.InvalidKeyId',
  'KMS.KMSInvalidStateException',
  'KMS.NotFoundException',
  'KeyTooLongError',
  'MalformedPolicy',
  'MalformedTrailerError',
  'MalformedXML',
  'MetadataTooLarge',
  'MethodNotAllowed',
  'MissingContentLength',
  'MissingSecurityHeader',
  'NoSuchBucket',
  'NoSuchBucketPolicy',
  'NoSuchCORSConfiguration',
  'NoSuchKey',
  'NoSuchLifecycleConfiguration',
  'NoSuchTagSet',
  'NoSuchUpload',
  'NoSuchVersion',
  'NotImplemented',
  // 304: made by `notModified`; every dialect answers it without a body.
  'NotModified',
  'ObjectNotAppendable',
  'OperationNotSupported',
  'PositionNotEqualToLength',
  'PreconditionFailed',
  'ReplicationConfigurationNotFoundError',
  'RequestTimeTooSkewed',
  'RequestTimeout',
  'ServerSideEncryptionConfigurationNotFoundError',
  'ServiceUnavailable',
  'SignatureDoesNotMatch',
  'SlowDown',
  'UnsupportedArgument',
  'XAmzContentSHA256Mismatch',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** More elements of the error document: name → text, in this order. */
export type ErrorDetails = Readonly<Record<string, string | number>>;

export interface GatewayErrorOptions {
  readonly cause?: unknown;
  /** Elements beside Code and Message (`ArgumentName`, `BucketName`, `ServerTime` …). */
  readonly details?: ErrorDetails;
  /** Response headers that the answer must carry (`x-oss-next-append-position`), name in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Alibaba's error-code number, where the vendor documents one for this very case. */
  readonly ec?: string;
  /** A sentence for one dialect only, where vendors word the same refusal differently: dialect name → message. */
  readonly wording?: Readonly<Record<string, string>>;
}

/** The only error that rooms throw at each other. `code` is closed; dialects give it their own name and status. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly headers: Readonly<Record<string, string>>;
  readonly ec: string | undefined;
  readonly wording: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.headers = options.headers ?? {};
    this.ec = options.ec;
    this.wording = options.wording ?? {};
  }
}
