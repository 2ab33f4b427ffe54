import { GatewayError } from '../../../model/errors.ts';
import type { AskedAcl, CannedAcl, Conditions, ObjectMetadata, RangeSpec, Tags } from '../../../model/objects.ts';
import { formatHttpDate, parseHttpDate } from '../../../wire/http-date.ts';
import { withoutToken } from '../../../wire/content-coding.ts';
import { headerOf, headersOf, type HeaderLines } from '../../../wire/message.ts';
import { decodeComponent, encodeComponent } from '../../../wire/percent-encoding.ts';
import { xmlHolds } from '../../../wire/xml-document.ts';
import { isStoresOwn } from '../../foreign-families.ts';

export const META_PREFIX = 'x-oss-meta-';
/** OSS: 8 KB of user metadata, names and values together. */
const MAX_USER_METADATA = 8 * 1024;
/** OSS: names of letters, digits and hyphens. */
const META_NAME = /^[a-z0-9-]+$/;
/** Names of the gateway's own records: refused from clients in every spelling, so that nobody forges an envelope. */
const RESERVED_META = /^bucketseal/;
const STANDARD = {
  contentType: 'content-type',
  contentEncoding: 'content-encoding',
  contentDisposition: 'content-disposition',
  contentLanguage: 'content-language',
  cacheControl: 'cache-control',
  expires: 'expires',
} as const satisfies Partial<Record<keyof ObjectMetadata, string>>;
type StandardName = keyof typeof STANDARD;
const MAX_TAGS = 10;

/** User metadata and content headers of a client's write. */
export function decodeMetadata(headers: HeaderLines): ObjectMetadata {
  const metadata = metadataOf(headers);
  let size = 0;
  for (const [name, value] of Object.entries(metadata.user)) {
    size += name.length + value.length;
    if (RESERVED_META.test(name.replaceAll(/[-_.]/g, '')))
      throw invalid(`${META_PREFIX}${name}`, 'The metadata name is reserved by the gateway.');
    if (!META_NAME.test(name))
      throw invalid(`${META_PREFIX}${name}`, 'Metadata names consist of letters, digits and hyphens.');
  }
  if (size > MAX_USER_METADATA) throw new GatewayError('MetadataTooLarge', 'The user metadata exceeds 8 KB.');
  return metadata;
}

/** Metadata as an answer carries it: byte-exact, whatever the names. */
export function metadataOf(headers: HeaderLines): ObjectMetadata {
  const user: [string, string][] = [];
  for (const [name, value] of headers) {
    if (!name.startsWith(META_PREFIX)) continue;
    const short = name.slice(META_PREFIX.length);
    const before = user.find(([candidate]) => candidate === short);
    if (before === undefined) user.push([short, value]);
    else before[1] += `,${value}`;
  }
  const standard: Partial<Record<StandardName, string>> = {};
  for (const [field, name] of Object.entries(STANDARD) as [StandardName, string][]) {
    const value = field === 'contentEncoding' ? contentEncoding(headers) : headerOf(headers, name);
    if (value !== undefined && value !== '') standard[field] = value;
  }
  return { ...standard, user: Object.fromEntries(user) };
}

/** Headers of an answer. */
export function encodeMetadata(metadata: ObjectMetadata): HeaderLines {
  const lines: [string, string][] = [];
  for (const [field, name] of Object.entries(STANDARD) as [StandardName, string][]) {
    const value = metadata[field];
    if (value !== undefined) lines.push([name, value]);
  }
  for (const [name, value] of Object.entries(metadata.user)) lines.push([`${META_PREFIX}${name}`, value]);
  return lines;
}

/** Headers of a write to an OSS store; a name that OSS would refuse is refused before a byte is sent. */
export function encodeStoreMetadata(metadata: ObjectMetadata): HeaderLines {
  const odd = Object.keys(metadata.user).find((name) => !META_NAME.test(name));
  if (odd !== undefined)
    throw new GatewayError(
      'InvalidArgument',
      `Alibaba OSS takes metadata names of letters, digits and hyphens only, not ${odd}.`,
    );
  if (metadata.websiteRedirect !== undefined)
    throw new GatewayError('NotImplemented', 'Alibaba OSS has no website redirect on an object.');
  return encodeMetadata(metadata);
}

/** A control header that only the gateway, a store or (replication headers, without effect) a replicator may set. */
export function refuseInternalHeaders(headers: HeaderLines, replicator: boolean): void {
  const internal = headers.find(
    ([name]) =>
      /^x-bucketseal|^x-oss-meta-x-oss-replication/.test(name) ||
      // A replicator of this language may send its own family, not those of other servers.
      (isStoresOwn(name) && !(replicator && name.startsWith('x-oss-replication'))),
  );
  if (internal !== undefined) throw invalid(internal[0], 'The header is reserved.');
}

export function decodeConditions(headers: HeaderLines, prefix = ''): Conditions {
  const match = headerOf(headers, `${prefix}if-match`);
  const noneMatch = headerOf(headers, `${prefix}if-none-match`);
  const modified = dateOf(headerOf(headers, `${prefix}if-modified-since`));
  const unmodified = dateOf(headerOf(headers, `${prefix}if-unmodified-since`));
  return {
    ...(match === undefined ? {} : { ifMatch: etagsOf(match) }),
    ...(noneMatch === undefined ? {} : { ifNoneMatch: etagsOf(noneMatch) }),
    ...(modified === undefined ? {} : { ifModifiedSince: modified }),
    ...(unmodified === undefined ? {} : { ifUnmodifiedSince: unmodified }),
  };
}

export function encodeConditions(conditions: Conditions, prefix = ''): HeaderLines {
  const quoted = (tags: readonly string[]): string =>
    tags.map((tag) => (tag === '*' ? tag : quotedEtag(tag))).join(', ');
  const lines: [string, string][] = [];
  if (conditions.ifMatch !== undefined) lines.push([`${prefix}if-match`, quoted(conditions.ifMatch)]);
  if (conditions.ifNoneMatch !== undefined) lines.push([`${prefix}if-none-match`, quoted(conditions.ifNoneMatch)]);
  if (conditions.ifModifiedSince !== undefined)
    lines.push([`${prefix}if-modified-since`, formatHttpDate(conditions.ifModifiedSince)]);
  if (conditions.ifUnmodifiedSince !== undefined)
    lines.push([`${prefix}if-unmodified-since`, formatHttpDate(conditions.ifUnmodifiedSince)]);
  return lines;
}

/** One range; OSS ignores what it cannot read, several ranges included. */
export function decodeRange(text: string | undefined): RangeSpec | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(text ?? '');
  const [first, last] = [match?.[1] ?? '', match?.[2] ?? ''];
  if (first === '' && last === '') return undefined;
  if (first === '') return { kind: 'suffix', length: Number(last) };
  if (last === '') return { kind: 'from', first: Number(first) };
  return Number(first) > Number(last) ? undefined : { kind: 'from', first: Number(first), last: Number(last) };
}

export function encodeRange(range: RangeSpec): string {
  return range.kind === 'suffix' ? `bytes=-${range.length}` : `bytes=${range.first}-${range.last ?? ''}`;
}

/** `k=v&…`, percent-encoded. */
export function decodeTags(text: string): Tags {
  const tags: [string, string][] = [];
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const key = decodeComponent(equals === -1 ? pair : pair.slice(0, equals), { plusIsSpace: true });
    const value = decodeComponent(equals === -1 ? '' : pair.slice(equals + 1), { plusIsSpace: true });
    if (key === undefined || value === undefined)
      throw new GatewayError('InvalidTag', 'The tagging header is not valid.');
    tags.push([key, value]);
  }
  return checkTags(tags);
}

/** OSS: 10 tags, unique keys of 1–128 characters, values up to 256. */
export function checkTags(tags: readonly (readonly [string, string])[]): Tags {
  const sound = tags.every(
    ([key, value]) => key.length > 0 && key.length <= 128 && value.length <= 256 && xmlHolds(key + value),
  );
  const unique = new Set(tags.map(([key]) => key)).size === tags.length;
  if (!sound || !unique || tags.length > MAX_TAGS) throw new GatewayError('InvalidTag', 'The tag set is not valid.');
  return Object.fromEntries(tags);
}

export function encodeTags(tags: Tags): string {
  return Object.entries(tags)
    .map(([key, value]) => `${encodeComponent(key)}=${encodeComponent(value)}`)
    .join('&');
}

/** `default` is for objects only. */
export function decodeAcl(text: string, level: 'bucket' | 'object'): CannedAcl {
  if (text === 'private' || text === 'public-read' || text === 'public-read-write') return text;
  if (text === 'default' && level === 'object') return text;
  throw invalid(level === 'bucket' ? 'x-oss-acl' : 'x-oss-object-acl', 'no such acl.', text);
}

export function encodeAcl(acl: AskedAcl): string {
  switch (acl) {
    case 'bucket-owner-full-control':
      // Objects belong to the bucket's owner here anyway: nobody else is to get a right.
      return 'private';
    case 'authenticated-read':
    case 'bucket-owner-read':
    case 'aws-exec-read':
    case 'log-delivery-write':
      throw new GatewayError('AccessControlListNotSupported', `Alibaba OSS has no ACL ${acl}.`);
    default:
      return acl;
  }
}

function etagsOf(text: string): readonly string[] {
  return text
    .split(',')
    .map(unquoted)
    .filter((tag) => tag !== '');
}

/** As the model has it: no quotes, hex in lower case. OSS writes upper case, and S3 stores compare byte by byte. */
export function unquoted(etag: string): string {
  const bare = etag.trim().replace(/^"(.*)"$/, '$1');
  return /^[0-9A-F]{32}(?:-\d+)?$/.test(bare) ? bare.toLowerCase() : bare;
}

/** Hex MD5 in upper case, as OSS writes it; anything else as it is. */
export function quotedEtag(etag: string): string {
  return `"${ossEtag(etag)}"`;
}

function ossEtag(etag: string): string {
  return /^[0-9a-f]{32}(?:-\d+)?$/.test(etag) ? etag.toUpperCase() : etag;
}

function dateOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseHttpDate(text);
}

/** Of all its lines (RFC 9110 5.3: one list). `aws-chunked` is no encoding of the object; the rest stays as it was spelt. */
function contentEncoding(headers: HeaderLines): string | undefined {
  const given = headersOf(headers, 'content-encoding');
  return given.length === 0 ? undefined : withoutToken(given.join(', '), 'aws-chunked');
}

function invalid(name: string, message: string, value?: string): GatewayError {
  return new GatewayError('InvalidArgument', message, {
    details: value === undefined ? { ArgumentName: name } : { ArgumentName: name, ArgumentValue: value },
  });
}
