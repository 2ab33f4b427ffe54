import { GatewayError, type ErrorCode, type ErrorDetails } from '../../../model/errors.ts';
import { notModified } from '../../../model/not-modified.ts';
import { readBounded } from '../../../wire/bounded.ts';
import { parseHttpDate } from '../../../wire/http-date.ts';
import { headerOf, type WireResponse } from '../../../wire/message.ts';
import { childText, parseXml, type XmlElement } from '../../../wire/xml-document.ts';
import { modelCodeOf, NEXT_POSITION } from '../errors.ts';
import { unquoted } from '../words/metadata.ts';

/** Bytes of an error document that are worth reading. */
const MAX_ERROR = 64 * 1024;
/** Elements of the vendor's error that may tell our client something about its own request. */
const TELLING = ['ArgumentName', 'ArgumentValue', 'PartNumber', 'MinSizeAllowed', 'ProposedSize', 'MaxSizeAllowed'];
/** Refusals that are about the gateway's own credentials at the store: nothing that our client could mend. */
const OURS: readonly ErrorCode[] = [
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'RequestTimeTooSkewed',
  'InvalidSecurityToken',
];

/** What only the operator may see: ids of accounts and keys, addresses of the store. */
const INTERNALS = /\bacs:|\barn:|https?:\/\/|aliyuncs\.com/i;

/** The model's error for a store's error answer. */
export async function storeError(response: WireResponse, operation: string): Promise<GatewayError> {
  const read = await documentOf(response);
  const document = read === 'foreign' ? undefined : read;
  const vendor = document === undefined ? '' : (childText(document, 'Code') ?? '');
  const ec = headerOf(response.headers, 'x-oss-ec') ?? (document === undefined ? undefined : childText(document, 'EC'));
  const code =
    modelCodeOf(vendor, ec) ?? codeOfStatus(response.status, { operation, vendor, foreign: read === 'foreign' });
  const said = document === undefined ? '' : (childText(document, 'Message') ?? '');
  const message = said === '' || INTERNALS.test(said) ? `The store answered ${response.status}.` : said;
  if (OURS.includes(code))
    return new GatewayError('InternalError', 'The store refused the credentials of the gateway.', {
      cause: new Error(`${vendor}: ${message}`),
    });
  if (code === 'NotModified') return unchanged(response);
  const position = headerOf(response.headers, 'x-oss-next-append-position');
  return new GatewayError(code, message, {
    details: { ...detailsOf(document), ...(position === undefined ? {} : { [NEXT_POSITION]: position }) },
    ...(ec === undefined ? {} : { ec }),
  });
}

/** An error in the document of a 200, which some servers begin before they know the outcome. */
export function errorInside(root: XmlElement): GatewayError {
  const vendor = childText(root, 'Code') ?? '';
  const said = childText(root, 'Message') ?? '';
  const message = said === '' || INTERNALS.test(said) ? 'The store could not do it.' : said;
  const code = modelCodeOf(vendor, childText(root, 'EC')) ?? 'InternalError';
  return new GatewayError(OURS.includes(code) ? 'InternalError' : code, message, { cause: new Error(vendor) });
}

/** A HEAD's error stands base64 in `x-oss-err`. `foreign`: a body that is no store's, so something on the way answered. */
async function documentOf(response: WireResponse): Promise<XmlElement | 'foreign' | undefined> {
  const inHeader = headerOf(response.headers, 'x-oss-err');
  const bytes = inHeader === undefined ? await bytesOf(response) : Buffer.from(inHeader, 'base64');
  if (bytes === undefined || bytes.length === 0) return undefined;
  const outcome = bytes === 'too-large' ? undefined : parseXml(bytes);
  return outcome?.ok === true && outcome.root.name === 'Error' ? outcome.root : 'foreign';
}

async function bytesOf({ body }: WireResponse): Promise<Uint8Array | 'too-large' | undefined> {
  if (body === undefined || body instanceof Uint8Array) return body;
  return await readBounded(body, MAX_ERROR);
}

interface Unknown {
  readonly operation: string;
  /** The store's code, which the model has no word for; '' where it named none. */
  readonly vendor: string;
  readonly foreign: boolean;
}

/** "It is not there" is never guessed from a status beside which the store, or somebody else, says something different. */
function absence({ operation, vendor, foreign }: Unknown): ErrorCode {
  if (foreign) return 'ServiceUnavailable';
  if (vendor !== '') return 'InvalidRequest';
  if (/Upload|Part/.test(operation) && operation !== 'CreateMultipartUpload') return 'NoSuchUpload';
  return /Object|Upload/.test(operation) ? 'NoSuchKey' : 'NoSuchBucket';
}

function codeOfStatus(status: number, unknown: Unknown): ErrorCode {
  switch (status) {
    case 304:
      return 'NotModified';
    case 403:
      return 'AccessDenied';
    case 404:
      return absence(unknown);
    case 411:
      return 'MissingContentLength';
    case 412:
      return 'PreconditionFailed';
    case 416:
      return 'InvalidRange';
    case 429:
    case 503:
      return 'ServiceUnavailable';
    default:
      return status >= 400 && status < 500 ? 'InvalidRequest' : 'InternalError';
  }
}

function detailsOf(document: XmlElement | undefined): ErrorDetails {
  if (document === undefined) return {};
  return Object.fromEntries(
    TELLING.flatMap((name) => {
      const value = childText(document, name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

function unchanged({ headers }: WireResponse): GatewayError {
  const [etag, lastModified] = [headerOf(headers, 'etag'), headerOf(headers, 'last-modified')];
  return notModified({
    etag: etag === undefined ? undefined : unquoted(etag),
    lastModified: lastModified === undefined ? undefined : parseHttpDate(lastModified),
    cacheControl: headerOf(headers, 'cache-control'),
    expires: headerOf(headers, 'expires'),
  });
}
