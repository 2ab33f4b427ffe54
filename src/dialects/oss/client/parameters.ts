import { GatewayError } from '../../../model/errors.ts';
import type { ByteRange } from '../../../model/objects.ts';
import { headerOf, queryOf } from '../../../wire/message.ts';
import { decodeComponent } from '../../../wire/percent-encoding.ts';
import { parseXml, type XmlCounts, type XmlElement } from '../../../wire/xml-document.ts';
import type { VerifiedRequest } from '../../dialect.ts';
import { readDocumentBytes } from '../../document.ts';

/** A part's place: OSS and S3 count to 10,000. */
export const MAX_PARTS = 10_000;

/** A parameter's text; '' where it is absent. */
export function text(request: VerifiedRequest, name: string): string {
  return queryOf(request.wire.query, name) ?? '';
}

/** A parameter that an empty text leaves out: oss2 sends `continuation-token=` for the first page. */
export function optional(request: VerifiedRequest, name: string): string | undefined {
  const value = text(request, name);
  return value === '' ? undefined : value;
}

/** A whole number within bounds; `fallback` where it is absent or empty. */
export function count(
  request: VerifiedRequest,
  name: string,
  bounds: { readonly least: number; readonly most: number; readonly fallback: number },
): number {
  const value = optional(request, name);
  if (value === undefined) return bounds.fallback;
  const number = Number(value);
  if (!/^\d{1,15}$/.test(value) || number < bounds.least || number > bounds.most)
    throw invalid(name, `Argument ${name} must be an integer between ${bounds.least} and ${bounds.most}.`, value);
  return number;
}

/** `encoding-type=url`, the only one. */
export function encodingType(request: VerifiedRequest): { readonly encodingType?: 'url' } {
  const value = optional(request, 'encoding-type');
  if (value === undefined) return {};
  if (value !== 'url') throw invalid('encoding-type', 'Invalid Encoding Method specified in Request', value);
  return { encodingType: 'url' };
}

export function header(request: VerifiedRequest, name: string): string | undefined {
  return headerOf(request.wire.headers, name);
}

/** `true` or `false`, in any case. */
export function flag(request: VerifiedRequest, name: string): boolean | undefined {
  const value = header(request, name)?.toLowerCase();
  if (value === undefined) return undefined;
  if (value !== 'true' && value !== 'false') throw invalid(name, `The value of ${name} must be true or false.`, value);
  return value === 'true';
}

export function versionId(request: VerifiedRequest): { readonly versionId?: string } {
  const value = optional(request, 'versionId');
  return value === undefined ? {} : { versionId: value };
}

/** `/bucket/key[?versionId=…]`, the key percent-encoded; Go 1 writes a space as `+`. */
export function copySource(request: VerifiedRequest): { bucket: string; key: string; versionId?: string } {
  const raw = header(request, 'x-oss-copy-source') ?? '';
  const mark = raw.indexOf('?');
  const path = (mark === -1 ? raw : raw.slice(0, mark)).replace(/^\//, '');
  const slash = path.indexOf('/');
  const bucket = slash === -1 ? '' : path.slice(0, slash);
  const bytes = Buffer.from(path.slice(slash + 1), 'latin1').toString('utf8');
  const key = decodeComponent(bytes, { plusIsSpace: true });
  const version = mark === -1 ? undefined : /^versionId=([^&]+)$/.exec(raw.slice(mark + 1))?.[1];
  const decodedVersion = version === undefined ? undefined : decodeComponent(version);
  if (
    !/^[a-z0-9][a-z0-9._-]*$/i.test(bucket) ||
    key === undefined ||
    key === '' ||
    (mark !== -1 && decodedVersion === undefined)
  )
    throw invalid(
      'x-oss-copy-source',
      'Copy Source must mention the source bucket and key: /sourcebucket/sourcekey.',
      raw,
    );
  return decodedVersion === undefined ? { bucket, key } : { bucket, key, versionId: decodedVersion };
}

export function copyRange(request: VerifiedRequest): { readonly sourceRange?: ByteRange } {
  const value = header(request, 'x-oss-copy-source-range');
  if (value === undefined) return {};
  const match = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(value);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || first > last)
    throw invalid('x-oss-copy-source-range', 'The copy source range is not valid.', value);
  return { sourceRange: { first, last } };
}

/** What a document may be: its root, its size in bytes, and how many children of a name. */
export interface DocumentRule {
  readonly root: string;
  readonly limit: number;
  readonly counts?: XmlCounts;
  /** The error code of this document's MalformedXML. */
  readonly ec?: string;
}

/** Reads an XML body. Too large, not well-formed or of another kind: MalformedXML. */
export async function xmlBody(request: VerifiedRequest, rule: DocumentRule): Promise<XmlElement> {
  const bytes = await readDocumentBytes(request.body, rule.limit);
  const outcome = bytes === 'too-large' ? undefined : parseXml(bytes, rule.counts);
  if (outcome?.ok !== true || outcome.root.name !== rule.root) throw malformedXml(rule.ec);
  return outcome.root;
}

/** For operations whose body has no meaning: whatever came is read and its digest judged. */
export async function textBody(request: VerifiedRequest, limit: number): Promise<string> {
  const bytes = await readDocumentBytes(request.body, limit);
  if (bytes === 'too-large') throw new GatewayError('EntityTooLarge', 'The request body is too large.');
  return bytes.toString('utf8');
}

export function malformedXml(ec?: string): GatewayError {
  return new GatewayError(
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema.',
    ec === undefined ? {} : { ec },
  );
}

export function invalid(name: string, message: string, value?: string): GatewayError {
  return new GatewayError('InvalidArgument', message, {
    details: value === undefined ? { ArgumentName: name } : { ArgumentName: name, ArgumentValue: value },
  });
}
