import { ERROR_CODES, GatewayError } from '../../../model/errors.ts';
import type { ErrorCode, ErrorDetails } from '../../../model/errors.ts';
import { notModified } from '../../../model/not-modified.ts';
import type { StorageRequest } from '../../../model/operations.ts';
import { parseHttpDate } from '../../../wire/http-date.ts';
import type { WireResponse } from '../../../wire/message.ts';
import { headerOf } from '../../../wire/message.ts';
import { readBounded } from '../../../wire/bounded.ts';
import { childOf, childText, parseXml } from '../../../wire/xml-document.ts';
import type { XmlElement } from '../../../wire/xml-document.ts';
import { stream } from './body.ts';
import { unquoted } from '../words/xml.ts';

/** A store's error answer in the model's codes. The store's own words stay in `cause`. */
export async function storeError(
  request: StorageRequest,
  response: WireResponse,
  inside?: XmlElement,
): Promise<GatewayError> {
  if (response.status === 304) return unchanged(response);
  const read = inside ?? (await errorDocument(response));
  const root = read === 'foreign' ? undefined : read;
  const code = (root === undefined ? headerOf(response.headers, MINIO_CODE) : childText(root, 'Code')) ?? '';
  const said = {
    status: response.status,
    code: saysNoMore(code, response.status) ? '' : code,
    message:
      (root === undefined
        ? headerOf(response.headers, MINIO_MESSAGE)?.replace(/^"(.*)"$/, '$1')
        : childText(root, 'Message')) ?? '',
    foreign: read === 'foreign',
  };
  const cause = new Error(`store answered ${said.status} ${said.code}: ${said.message}`.slice(0, 1024));
  const told = judge(request, said, root);
  return new GatewayError(told.code, told.message, { cause, details: told.details ?? {} });
}

interface Said {
  readonly status: number;
  /** '' where nothing but the status was said. */
  readonly code: string;
  readonly message: string;
  /** There was a body, and it is no store's: something on the way answered. */
  readonly foreign: boolean;
}

/** MinIO names the error of a HEAD, whose answer has no body, in headers (cmd/api-response.go). */
const MINIO_CODE = 'x-minio-error-code';
const MINIO_MESSAGE = 'x-minio-error-desc';

/** Codes that only repeat the status: versitygw's `400`, "not found". */
function saysNoMore(code: string, status: number): boolean {
  return code === String(status) || /^not ?found$/i.test(code);
}

interface Judged {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: ErrorDetails;
}

// Error documents are small; what is longer is not read on.
const MAX_ERROR_BYTES = 64 * 1024;

/** Every server's answer in AWS's column, as far as the request shows what was meant. */
function judge(request: StorageRequest, said: Said, root: XmlElement | undefined): Judged {
  if (said.status >= 300 && said.status < 400)
    return {
      code: 'InternalError',
      message: 'The store redirects to another endpoint; its configuration must name the right one.',
    };
  const kms = 'encryption' in request && request.encryption.kind === 'kms' ? request.encryption : undefined;
  const named = kms !== undefined && kms.key !== 'default' ? kms.key : undefined;
  // RGW: 18 says InvalidArgument, 16 InvalidAccessKeyId, where the key is unknown.
  if (
    KEY_MISSING.test(said.code) ||
    (said.code === 'InvalidArgument' && /retrieve the actual key/i.test(said.message)) ||
    (named !== undefined && said.status === 403 && said.code === 'InvalidAccessKeyId')
  )
    return {
      code: 'KMS.NotFoundException',
      message: named === undefined ? LOST_KEY : `The store does not know the key '${named}'.`,
    };
  if (OWN_FAULT.has(said.code))
    return { code: 'InternalError', message: "The store refused the gateway's own credentials or signature." };
  const encrypted = 'encryption' in request && request.encryption.kind !== 'none';
  if (encrypted && (said.status === 501 || said.code === 'NotImplemented'))
    return {
      code: 'NotImplemented',
      message: 'The store does not support the server-side encryption that was decided.',
    };
  const customer = customerKeyRefusal(request, said);
  if (customer !== undefined) return customer;
  const code = codeOf(said, request);
  // Sent as `If-None-Match: *`, which only S3 answers with 412.
  if (code === 'PreconditionFailed' && 'forbidOverwrite' in request && request.forbidOverwrite)
    return {
      code: 'FileAlreadyExists',
      message: 'The object you specified already exists and can not be overwritten.',
    };
  return {
    code,
    message: messageOf(code, said),
    details: root === undefined ? {} : detailsOf(root),
  };
}

function customerKeyRefusal(request: StorageRequest, said: Said): Judged | undefined {
  if (request.operation !== 'GetObject' && request.operation !== 'HeadObject') return undefined;
  const holds = request.customerKey !== undefined;
  if (holds && (said.status === 403 || (said.status === 400 && said.code === 'InvalidArgument')))
    return {
      code: 'AccessDenied',
      message:
        'Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.',
    };
  // HEAD answers have no body: a 400 to a request without a key is an object that needs one.
  const headless = request.operation === 'HeadObject' && said.code === '';
  if (!holds && said.status === 400 && (headless || /server side encryption/i.test(said.message)))
    return {
      code: 'InvalidRequest',
      message:
        'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
    };
  if (holds && said.status === 400 && headless)
    return { code: 'InvalidRequest', message: 'The encryption parameters are not applicable to this object.' };
  return undefined;
}

function codeOf(said: Said, request: StorageRequest): ErrorCode {
  const alias = ALIASES.get(said.code);
  if (alias !== undefined) return alias;
  const known = ERROR_CODES.find((code) => code === said.code);
  // The model's own words for a lie is never taken from a store's mouth.
  if (known !== undefined && known !== 'EncryptionNotHonoured') return known;
  if (saysThereIsNone(request, said.code)) return notFound(request);
  // "It is not there" is never guessed from a status beside which the store, or somebody else, says something different.
  if (said.status === 404)
    return said.foreign ? 'ServiceUnavailable' : said.code === '' ? notFound(request) : 'InvalidRequest';
  return BY_STATUS.get(said.status) ?? (said.status >= 500 || said.status < 400 ? 'InternalError' : 'BadRequest');
}

/** Stores have words of their own for a bucket without a policy or a rule. */
function saysThereIsNone({ operation }: StorageRequest, code: string): boolean {
  const what =
    operation === 'GetBucketPolicy' ? 'Policy' : operation === 'GetBucketEncryption' ? 'Encryption' : undefined;
  return what !== undefined && code.includes(what) && /NoSuch|NotFound/.test(code);
}

function notFound(request: StorageRequest): ErrorCode {
  if ('uploadId' in request) return 'NoSuchUpload';
  if (request.operation === 'GetBucketEncryption') return 'ServerSideEncryptionConfigurationNotFoundError';
  if (request.operation === 'GetBucketPolicy') return 'NoSuchBucketPolicy';
  return 'key' in request ? 'NoSuchKey' : 'NoSuchBucket';
}

async function errorDocument(response: WireResponse): Promise<XmlElement | 'foreign' | undefined> {
  const read = await readBounded(stream(response), MAX_ERROR_BYTES);
  if (read === 'too-large') return 'foreign';
  if (read.length === 0) return undefined;
  const outcome = parseXml(read);
  const error = outcome.ok ? (childOf(outcome.root, 'Error') ?? outcome.root) : undefined;
  return error?.name === 'Error' ? error : 'foreign';
}

function messageOf(code: ErrorCode, { status, message }: Said): string {
  return tellable(code, message) ?? DEFAULT_TEXT[code] ?? `The store answered ${status}.`;
}

/** The store's own sentence, unless it is about the gateway's account there, or names what only the store knows. */
export function tellable(code: string, message: string): string | undefined {
  return message === '' || code === 'AccessDenied' || INTERNALS.test(message) ? undefined : message;
}

const INTERNALS = /\barn:|https?:\/\//i;
/** AWS's word, SeaweedFS's, and what MinIO's KMS says with status 404 (internal/kms/errors.go). */
const KEY_MISSING = /^kms[.:]?(?:KeyNotFound(?:Exception)?|NotFoundException)$/i;
const LOST_KEY = 'The store does not have the KMS key that this is, or would be, encrypted under.';

function unchanged({ headers }: WireResponse): GatewayError {
  const [etag, lastModified] = [headerOf(headers, 'etag'), headerOf(headers, 'last-modified')];
  return notModified({
    etag: etag === undefined ? undefined : unquoted(etag),
    lastModified: lastModified === undefined ? undefined : parseHttpDate(lastModified),
    cacheControl: headerOf(headers, 'cache-control'),
    expires: headerOf(headers, 'expires'),
  });
}

/** Elements that help a client and name nothing of the store. */
function detailsOf(root: XmlElement): ErrorDetails {
  const kept = [
    'Condition',
    'RangeRequested',
    'ActualObjectSize',
    'MinSizeAllowed',
    'MaxSizeAllowed',
    'ProposedSize',
    'PartNumber',
  ];
  return Object.fromEntries(
    root.children.filter(({ name }) => kept.includes(name)).map(({ name, text }) => [name, text]),
  );
}

/** What a store says of the gateway's signature is no fault of the client's. */
const OWN_FAULT: ReadonlySet<string> = new Set([
  'AuthorizationHeaderMalformed',
  'AuthorizationQueryParametersError',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidSecurity',
  'InvalidToken',
  'MissingAuthenticationToken',
  'MissingSecurityHeader',
  'PermanentRedirect',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'TemporaryRedirect',
  'TokenRefreshRequired',
]);

const ALIASES: ReadonlyMap<string, ErrorCode> = new Map([
  ['AllAccessDisabled', 'AccessDenied'],
  ['AccountProblem', 'AccessDenied'],
  ['Busy', 'SlowDown'],
  ['ConditionalRequestConflict', 'PreconditionFailed'],
  ['kms:NotAuthorized', 'AccessDenied'],
  ['kms:DecryptionFailed', 'ServiceUnavailable'],
  ['kms:KeyGenerationFailed', 'ServiceUnavailable'],
  ['KMS.AccessDeniedException', 'AccessDenied'],
  ['KMS.DependencyTimeoutException', 'ServiceUnavailable'],
  ['KMS.KMSInternalException', 'ServiceUnavailable'],
  ['KMS.LimitExceededException', 'SlowDown'],
  ['KMS.ThrottlingException', 'SlowDown'],
  ['KMSDisabledException', 'KMS.DisabledException'],
  ['KMSInvalidStateException', 'KMS.KMSInvalidStateException'],
  ['KMS.InvalidStateException', 'KMS.KMSInvalidStateException'],
  ['NoSuchObject', 'NoSuchKey'],
  ['OperationAborted', 'ServiceUnavailable'],
  ['SlowDownRead', 'SlowDown'],
  ['SlowDownWrite', 'SlowDown'],
  ['TooManyRequests', 'SlowDown'],
  ['RequestLimitExceeded', 'SlowDown'],
  ['XMinioInvalidObjectName', 'InvalidObjectName'],
  ['XMinioServerNotInitialized', 'ServiceUnavailable'],
]);

const BY_STATUS: ReadonlyMap<number, ErrorCode> = new Map([
  [400, 'InvalidRequest'],
  [401, 'AccessDenied'],
  [403, 'AccessDenied'],
  [405, 'MethodNotAllowed'],
  [408, 'RequestTimeout'],
  [409, 'InvalidRequest'],
  [411, 'MissingContentLength'],
  [412, 'PreconditionFailed'],
  [413, 'EntityTooLarge'],
  [416, 'InvalidRange'],
  [429, 'SlowDown'],
  [501, 'NotImplemented'],
  [503, 'ServiceUnavailable'],
]);

const DEFAULT_TEXT: Readonly<Partial<Record<ErrorCode, string>>> = {
  AccessDenied: 'Access Denied',
  InvalidRange: 'The requested range is not satisfiable',
  MethodNotAllowed: 'The specified method is not allowed against this resource.',
  NoSuchBucket: 'The specified bucket does not exist',
  NoSuchKey: 'The specified key does not exist.',
  InvalidRequest: 'The store refused the request.',
  NoSuchUpload:
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  PreconditionFailed: 'At least one of the pre-conditions you specified did not hold',
  ServiceUnavailable: 'The store is not available.',
};
