import type { ErrorCode, GatewayError } from '../../model/errors.ts';
import { unchangedOf } from '../../model/not-modified.ts';
import { formatHttpDate } from '../../wire/http-date.ts';
import type { HeaderLines, WireResponse } from '../../wire/message.ts';
import { writeXml } from '../../wire/xml-document.ts';
import type { DialectName, EncodeContext } from '../dialect.ts';
import { quoted } from './words/xml.ts';

/** S3's name and status of every error of the model (S3 API reference, error responses). */
export const ERRORS: Readonly<Record<ErrorCode, { readonly code: string; readonly status: number }>> = {
  AccessControlListNotSupported: { code: 'AccessControlListNotSupported', status: 400 },
  AccessDenied: { code: 'AccessDenied', status: 403 },
  AuthorizationHeaderMalformed: { code: 'AuthorizationHeaderMalformed', status: 400 },
  AuthorizationQueryParametersError: { code: 'AuthorizationQueryParametersError', status: 400 },
  BadDigest: { code: 'BadDigest', status: 400 },
  BadRequest: { code: 'BadRequest', status: 400 },
  BucketAlreadyExists: { code: 'BucketAlreadyExists', status: 409 },
  BucketAlreadyOwnedByYou: { code: 'BucketAlreadyOwnedByYou', status: 409 },
  BucketNotEmpty: { code: 'BucketNotEmpty', status: 409 },
  EncryptionNotHonoured: { code: 'EncryptionNotHonoured', status: 502 },
  EntityTooLarge: { code: 'EntityTooLarge', status: 400 },
  EntityTooSmall: { code: 'EntityTooSmall', status: 400 },
  FileAlreadyExists: { code: 'PreconditionFailed', status: 412 },
  IllegalLocationConstraintException: { code: 'IllegalLocationConstraintException', status: 400 },
  IncompleteBody: { code: 'IncompleteBody', status: 400 },
  InternalError: { code: 'InternalError', status: 500 },
  InvalidAccessKeyId: { code: 'InvalidAccessKeyId', status: 403 },
  InvalidArgument: { code: 'InvalidArgument', status: 400 },
  InvalidBucketOwnerAWSAccountID: { code: 'InvalidBucketOwnerAWSAccountID', status: 400 },
  InvalidBucketName: { code: 'InvalidBucketName', status: 400 },
  InvalidChunkSizeError: { code: 'InvalidChunkSizeError', status: 400 },
  InvalidDataEncryptionAlgorithmError: { code: 'InvalidArgument', status: 400 },
  InvalidDigest: { code: 'InvalidDigest', status: 400 },
  InvalidEncryptionAlgorithmError: { code: 'InvalidEncryptionAlgorithmError', status: 400 },
  InvalidEncryptionRequest: { code: 'InvalidRequest', status: 400 },
  InvalidObjectName: { code: 'InvalidArgument', status: 400 },
  InvalidObjectState: { code: 'InvalidObjectState', status: 403 },
  InvalidPart: { code: 'InvalidPart', status: 400 },
  InvalidPartOrder: { code: 'InvalidPartOrder', status: 400 },
  InvalidRange: { code: 'InvalidRange', status: 416 },
  InvalidRequest: { code: 'InvalidRequest', status: 400 },
  InvalidSecurityToken: { code: 'InvalidToken', status: 400 },
  InvalidStorageClass: { code: 'InvalidStorageClass', status: 400 },
  InvalidTag: { code: 'InvalidTag', status: 400 },
  InvalidURI: { code: 'InvalidURI', status: 400 },
  'KMS.DisabledException': { code: 'KMS.DisabledException', status: 400 },
  'KMS.InvalidKeyId': { code: 'KMS.NotFoundException', status: 400 },
  'KMS.KMSInvalidStateException': { code: 'KMS.KMSInvalidStateException', status: 400 },
  'KMS.NotFoundException': { code: 'KMS.NotFoundException', status: 400 },
  KeyTooLongError: { code: 'KeyTooLongError', status: 400 },
  MalformedPolicy: { code: 'MalformedPolicy', status: 400 },
  MalformedTrailerError: { code: 'MalformedTrailerError', status: 400 },
  MalformedXML: { code: 'MalformedXML', status: 400 },
  MetadataTooLarge: { code: 'MetadataTooLarge', status: 400 },
  MethodNotAllowed: { code: 'MethodNotAllowed', status: 405 },
  MissingContentLength: { code: 'MissingContentLength', status: 411 },
  MissingSecurityHeader: { code: 'MissingSecurityHeader', status: 400 },
  NoSuchBucket: { code: 'NoSuchBucket', status: 404 },
  NoSuchBucketPolicy: { code: 'NoSuchBucketPolicy', status: 404 },
  NoSuchCORSConfiguration: { code: 'NoSuchCORSConfiguration', status: 404 },
  NoSuchKey: { code: 'NoSuchKey', status: 404 },
  NoSuchLifecycleConfiguration: { code: 'NoSuchLifecycleConfiguration', status: 404 },
  NoSuchTagSet: { code: 'NoSuchTagSet', status: 404 },
  NoSuchUpload: { code: 'NoSuchUpload', status: 404 },
  NoSuchVersion: { code: 'NoSuchVersion', status: 404 },
  NotImplemented: { code: 'NotImplemented', status: 501 },
  NotModified: { code: 'NotModified', status: 304 },
  ObjectNotAppendable: { code: 'InvalidRequest', status: 400 },
  OperationNotSupported: { code: 'NotImplemented', status: 501 },
  PositionNotEqualToLength: { code: 'InvalidWriteOffset', status: 400 },
  PreconditionFailed: { code: 'PreconditionFailed', status: 412 },
  ReplicationConfigurationNotFoundError: { code: 'ReplicationConfigurationNotFoundError', status: 404 },
  RequestTimeTooSkewed: { code: 'RequestTimeTooSkewed', status: 403 },
  RequestTimeout: { code: 'RequestTimeout', status: 400 },
  ServerSideEncryptionConfigurationNotFoundError: {
    code: 'ServerSideEncryptionConfigurationNotFoundError',
    status: 404,
  },
  ServiceUnavailable: { code: 'ServiceUnavailable', status: 503 },
  SignatureDoesNotMatch: { code: 'SignatureDoesNotMatch', status: 403 },
  SlowDown: { code: 'SlowDown', status: 503 },
  UnsupportedArgument: { code: 'UnsupportedArgument', status: 400 },
  XAmzContentSHA256Mismatch: { code: 'XAmzContentSHA256Mismatch', status: 400 },
};

/** An error answer: XML, but no body to HEAD and with a 304. */
export function encodeError(error: GatewayError, context: EncodeContext, dialect: DialectName): WireResponse {
  const { status } = ERRORS[error.code];
  const unchanged = status === 304 ? validatorLines(error) : [];
  const headers: HeaderLines = [...identity(context), ...unchanged, ...Object.entries(error.headers)];
  if (context.method === 'HEAD' || status === 304) return { status, headers, body: undefined };
  const body = Buffer.from(encodeErrorDocument(error, context, dialect), 'utf8');
  return {
    status,
    headers: [...headers, ['content-type', 'application/xml'], ['content-length', String(body.length)]],
    body,
  };
}

/** The validators of a 304, spelt as HEAD spells them. */
function validatorLines(error: GatewayError): HeaderLines {
  const { etag, lastModified } = unchangedOf(error);
  return [
    ...(etag === undefined ? [] : [['etag', quoted(etag)] as const]),
    ...(lastModified === undefined ? [] : [['last-modified', formatHttpDate(lastModified)] as const]),
  ];
}

/** The error document alone. The message is never empty: SDKs print nothing else. */
export function encodeErrorDocument(error: GatewayError, context: EncodeContext, dialect: DialectName): string {
  const { code } = ERRORS[error.code];
  const message = error.wording[dialect] ?? error.message;
  return writeXml([
    'Error',
    [
      ['Code', code],
      ['Message', message === '' ? code : message],
      ...Object.entries(error.details).filter(([name]) => ELEMENT.test(name) && !OWN.includes(name)),
      ['Resource', context.resource],
      ['RequestId', context.requestId],
      ['HostId', hostId(context)],
    ],
  ]);
}

/** The two ids that every S3 answer carries. */
export function identity(context: EncodeContext): HeaderLines {
  return [
    ['x-amz-request-id', context.requestId],
    ['x-amz-id-2', hostId(context)],
  ];
}

const ELEMENT = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const OWN = ['Code', 'Message', 'Resource', 'RequestId', 'HostId'];

function hostId(context: EncodeContext): string {
  return Buffer.from(`${context.requestId}/bucketseal`, 'utf8').toString('base64');
}
