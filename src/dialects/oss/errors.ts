import type { GatewayError } from '../../model/errors.ts';
import { type ErrorCode } from '../../model/errors.ts';
import { unchangedOf } from '../../model/not-modified.ts';
import { formatHttpDate } from '../../wire/http-date.ts';
import type { WireResponse } from '../../wire/message.ts';
import { writeXml, type XmlNode } from '../../wire/xml-document.ts';
import type { EncodeContext } from '../dialect.ts';
import { quotedEtag } from './words/metadata.ts';

export interface OssError {
  readonly code: string;
  readonly status: number;
  readonly ec?: string;
}

/** Every code of the model in OSS's words. */
export const OSS_ERRORS: Readonly<Record<ErrorCode, OssError>> = {
  // Alibaba has no such code; where a bucket takes no public ACL (Block Public Access), it says AccessDenied.
  AccessControlListNotSupported: { code: 'AccessDenied', status: 403 },
  AccessDenied: { code: 'AccessDenied', status: 403 },
  AuthorizationHeaderMalformed: { code: 'InvalidArgument', status: 400 },
  AuthorizationQueryParametersError: { code: 'InvalidArgument', status: 400 },
  BadDigest: { code: 'InvalidDigest', status: 400 },
  BadRequest: { code: 'InvalidArgument', status: 400 },
  BucketAlreadyExists: { code: 'BucketAlreadyExists', status: 409, ec: '0015-00000104' },
  BucketAlreadyOwnedByYou: { code: 'BucketAlreadyExists', status: 409, ec: '0015-00000104' },
  BucketNotEmpty: { code: 'BucketNotEmpty', status: 409, ec: '0015-00000301' },
  EncryptionNotHonoured: { code: 'EncryptionNotHonoured', status: 502 },
  EntityTooLarge: { code: 'EntityTooLarge', status: 400 },
  EntityTooSmall: { code: 'EntityTooSmall', status: 400 },
  FileAlreadyExists: { code: 'FileAlreadyExists', status: 409 },
  IllegalLocationConstraintException: { code: 'IllegalLocationConstraintException', status: 400 },
  IncompleteBody: { code: 'IncompleteBody', status: 400 },
  InternalError: { code: 'InternalError', status: 500 },
  InvalidAccessKeyId: { code: 'InvalidAccessKeyId', status: 403 },
  InvalidArgument: { code: 'InvalidArgument', status: 400 },
  InvalidBucketOwnerAWSAccountID: { code: 'InvalidArgument', status: 400 },
  InvalidBucketName: { code: 'InvalidBucketName', status: 400 },
  InvalidChunkSizeError: { code: 'InvalidArgument', status: 400 },
  InvalidDataEncryptionAlgorithmError: {
    code: 'InvalidDataEncryptionAlgorithmError',
    status: 400,
    ec: '0005-00000203',
  },
  InvalidDigest: { code: 'InvalidDigest', status: 400 },
  InvalidEncryptionAlgorithmError: { code: 'InvalidEncryptionAlgorithmError', status: 400, ec: '0005-00000003' },
  InvalidEncryptionRequest: { code: 'InvalidEncryptionRequest', status: 400 },
  InvalidObjectName: { code: 'InvalidObjectName', status: 400 },
  InvalidObjectState: { code: 'InvalidObjectState', status: 403 },
  InvalidPart: { code: 'InvalidPart', status: 400 },
  InvalidPartOrder: { code: 'InvalidPartOrder', status: 400 },
  InvalidRange: { code: 'InvalidRange', status: 416 },
  InvalidRequest: { code: 'InvalidRequest', status: 400 },
  InvalidSecurityToken: { code: 'InvalidSecurityToken', status: 403 },
  InvalidStorageClass: { code: 'InvalidArgument', status: 400 },
  InvalidTag: { code: 'InvalidTag', status: 400 },
  InvalidURI: { code: 'InvalidURI', status: 400 },
  'KMS.DisabledException': { code: 'KeyDisabled', status: 409, ec: '0005-00000214' },
  'KMS.InvalidKeyId': { code: 'InvalidParameter', status: 400, ec: '0005-00000208' },
  'KMS.KMSInvalidStateException': { code: 'KeyPendingDeletion', status: 409, ec: '0005-00000215' },
  // An id that nobody knows is InvalidParameter here as it is KMS.NotFoundException at S3 (one rule for every language).
  'KMS.NotFoundException': { code: 'InvalidParameter', status: 400, ec: '0005-00000208' },
  KeyTooLongError: { code: 'InvalidObjectName', status: 400 },
  MalformedPolicy: { code: 'InvalidPolicyDocument', status: 400 },
  MalformedTrailerError: { code: 'InvalidArgument', status: 400 },
  MalformedXML: { code: 'MalformedXML', status: 400 },
  MetadataTooLarge: { code: 'InvalidArgument', status: 400 },
  MethodNotAllowed: { code: 'MethodNotAllowed', status: 405 },
  MissingContentLength: { code: 'MissingContentLength', status: 411, ec: '0017-00000101' },
  MissingSecurityHeader: { code: 'InvalidArgument', status: 400 },
  NoSuchBucket: { code: 'NoSuchBucket', status: 404, ec: '0015-00000101' },
  NoSuchBucketPolicy: { code: 'NoSuchBucketPolicy', status: 404 },
  NoSuchCORSConfiguration: { code: 'NoSuchCORSConfiguration', status: 404 },
  NoSuchKey: { code: 'NoSuchKey', status: 404, ec: '0026-00000001' },
  NoSuchLifecycleConfiguration: { code: 'NoSuchLifecycle', status: 404 },
  NoSuchTagSet: { code: 'NoSuchTagSet', status: 404 },
  NoSuchUpload: { code: 'NoSuchUpload', status: 404 },
  NoSuchVersion: { code: 'NoSuchVersion', status: 404 },
  NotImplemented: { code: 'NotImplemented', status: 400 },
  NotModified: { code: 'NotModified', status: 304 },
  ObjectNotAppendable: { code: 'ObjectNotAppendable', status: 409 },
  OperationNotSupported: { code: 'OperationNotSupported', status: 400 },
  PositionNotEqualToLength: { code: 'PositionNotEqualToLength', status: 409, ec: '0026-00000016' },
  PreconditionFailed: { code: 'PreconditionFailed', status: 412 },
  ReplicationConfigurationNotFoundError: { code: 'NoSuchReplicationConfiguration', status: 404 },
  RequestTimeTooSkewed: { code: 'RequestTimeTooSkewed', status: 403, ec: '0002-00000504' },
  RequestTimeout: { code: 'RequestTimeout', status: 400 },
  ServerSideEncryptionConfigurationNotFoundError: { code: 'NoSuchServerSideEncryptionRule', status: 404 },
  ServiceUnavailable: { code: 'ServiceUnavailable', status: 503 },
  SignatureDoesNotMatch: { code: 'SignatureDoesNotMatch', status: 403 },
  SlowDown: { code: 'QpsLimitExceeded', status: 503 },
  UnsupportedArgument: { code: 'InvalidArgument', status: 400 },
  XAmzContentSHA256Mismatch: { code: 'InvalidDigest', status: 400 },
};

/** The model's detail of PositionNotEqualToLength: a header at OSS, which oss2 reads without asking. */
export const NEXT_POSITION = 'nextAppendPosition';

/** The answer to a failed request. A HEAD has no body: SDKs read the document from `x-oss-err`. */
export function encodeError(error: GatewayError, context: EncodeContext): WireResponse {
  const { status, ec } = ossErrorOf(error);
  const document = Buffer.from(encodeErrorDocument(error, context), 'utf8');
  const bodiless = context.method === 'HEAD' || status === 304;
  const headers: [string, string][] = [
    ['x-oss-request-id', context.requestId],
    ['date', formatHttpDate(context.now)],
  ];
  if (ec !== undefined) headers.push(['x-oss-ec', ec]);
  if (status === 304) headers.push(...validatorLines(error));
  headers.push(...Object.entries(error.headers));
  const position = error.details[NEXT_POSITION];
  if (position !== undefined) headers.push(['x-oss-next-append-position', String(position)]);
  if (context.method === 'HEAD' && status !== 304) headers.push(['x-oss-err', document.toString('base64')]);
  if (!bodiless) headers.push(['content-type', 'application/xml'], ['content-length', String(document.length)]);
  return { status, headers, body: bodiless ? undefined : document };
}

/** The validators of a 304, spelt as HEAD spells them. */
function validatorLines(error: GatewayError): readonly [string, string][] {
  const { etag, lastModified } = unchangedOf(error);
  return [
    ...(etag === undefined ? [] : [['etag', quotedEtag(etag)] as [string, string]]),
    ...(lastModified === undefined ? [] : [['last-modified', formatHttpDate(lastModified)] as [string, string]]),
  ];
}

/** The `<Error>` document: the vendor's elements first, the case's own details behind them. */
export function encodeErrorDocument(error: GatewayError, context: EncodeContext): string {
  const { code, ec } = ossErrorOf(error);
  const nodes: (XmlNode | undefined)[] = [
    ['Code', code],
    // An empty message crashes some SDKs.
    ['Message', (error.wording['oss'] ?? error.message) || code],
    ['RequestId', context.requestId],
    ['HostId', context.host],
    ...Object.entries(error.details)
      .filter(([name]) => name !== NEXT_POSITION)
      .map(([name, value]): XmlNode => [elementName(name), value]),
    ec === undefined ? undefined : ['EC', ec],
  ];
  return writeXml(['Error', nodes]);
}

/** Vendor code → the model's; where several share one name, the plainest. */
export function modelCodeOf(code: string, ec: string | undefined): ErrorCode | undefined {
  if (code === 'InvalidParameter') return ec?.startsWith('0005-') === false ? 'InvalidArgument' : 'KMS.InvalidKeyId';
  return Object.hasOwn(FROM_OSS, code) ? FROM_OSS[code] : undefined;
}

function ossErrorOf(error: GatewayError): OssError {
  const entry = OSS_ERRORS[error.code];
  const ec = error.ec ?? entry.ec;
  return ec === undefined ? entry : { ...entry, ec };
}

/** Names of details become element names: XML allows no other characters there. */
function elementName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9-]/g, '');
}

const FROM_OSS: Readonly<Record<string, ErrorCode>> = {
  ...Object.fromEntries(
    (Object.entries(OSS_ERRORS) as [ErrorCode, OssError][])
      .filter(([code, { code: name }]) => code === name)
      .map(([code]) => [code, code]),
  ),
  AliasNotFound: 'KMS.NotFoundException',
  InvalidPolicyDocument: 'MalformedPolicy',
  KeyDisabled: 'KMS.DisabledException',
  KeyNotFound: 'KMS.NotFoundException',
  KeyPendingDeletion: 'KMS.KMSInvalidStateException',
  KeyPendingImport: 'KMS.KMSInvalidStateException',
  NoSuchLifecycle: 'NoSuchLifecycleConfiguration',
  NoSuchReplicationConfiguration: 'ReplicationConfigurationNotFoundError',
  NoSuchServerSideEncryptionRule: 'ServerSideEncryptionConfigurationNotFoundError',
  QpsLimitExceeded: 'SlowDown',
  SecurityTokenExpired: 'InvalidSecurityToken',
  TooManyRequests: 'SlowDown',
};
