import { GatewayError } from '../../../model/errors.ts';
import type { ObjectMetadata } from '../../../model/objects.ts';
import type { HeaderLines } from '../../../wire/message.ts';
import { headerOf, headersOf } from '../../../wire/message.ts';
import { withoutToken } from '../../../wire/content-coding.ts';
import { decodeWords, encodeWords } from './encoded-word.ts';

const USER = 'x-amz-meta-';
// S3: user metadata in a PUT is limited to 2 KB, names and values together.
const MAX_USER_BYTES = 2048;

const FIELDS = [
  ['content-type', 'contentType'],
  ['content-encoding', 'contentEncoding'],
  ['content-disposition', 'contentDisposition'],
  ['content-language', 'contentLanguage'],
  ['cache-control', 'cacheControl'],
  ['expires', 'expires'],
  ['x-amz-website-redirect-location', 'websiteRedirect'],
] as const;

/** A client's metadata: user names in lower case, values byte for byte (client-side-encryption envelopes live there), but for RFC 2047 words. */
export function decodeMetadata(lines: HeaderLines): ObjectMetadata {
  const metadata = readMetadata(lines);
  const size = Object.entries(metadata.user).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (size > MAX_USER_BYTES)
    throw new GatewayError('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size', {
      details: { Size: size, MaxSizeAllowed: MAX_USER_BYTES },
    });
  const encoding = contentEncoding(lines);
  const entries = Object.entries({ ...metadata, contentEncoding: encoding });
  return { ...Object.fromEntries(entries.filter(([, value]) => value !== undefined)), user: metadata.user };
}

/** A store's answer, unjudged. */
export function readMetadata(lines: HeaderLines): ObjectMetadata {
  const fields: Record<string, string> = {};
  for (const [header, field] of FIELDS) {
    const value = headerOf(lines, header);
    if (value !== undefined) fields[field] = value;
  }
  const user = new Map<string, string>();
  for (const [name, value] of lines) {
    if (!name.startsWith(USER)) continue;
    const short = name.slice(USER.length);
    const before = user.get(short);
    user.set(short, before === undefined ? value : `${before},${value}`);
  }
  return { ...fields, user: Object.fromEntries([...user].map(([name, value]) => [name, decodeWords(value)])) };
}

/** The same of an object at a store. versitygw keeps the token of the gateway's own transfer: it is taken out, the rest stays as it was sent. */
export function readStoredMetadata(lines: HeaderLines): ObjectMetadata {
  const { contentEncoding: _kept, ...rest } = readMetadata(lines);
  const coding = contentEncoding(lines);
  return coding === undefined || coding === '' ? rest : { ...rest, contentEncoding: coding };
}

/** Headers of an answer, or of a request to a store. User values are ASCII alone, which every server signs and keeps alike. */
export function encodeMetadata(metadata: ObjectMetadata): HeaderLines {
  const lines: [string, string][] = [];
  for (const [header, field] of FIELDS) {
    const value = metadata[field];
    if (value !== undefined) lines.push([header, value]);
  }
  for (const [name, value] of Object.entries(metadata.user)) lines.push([`${USER}${name}`, encodeWords(value)]);
  return lines;
}

/** Of all its lines (RFC 9110 5.3: one list). `aws-chunked` describes the transfer and is not stored; the rest is, as it was spelt. */
function contentEncoding(lines: HeaderLines): string | undefined {
  const given = headersOf(lines, 'content-encoding');
  return given.length === 0 ? undefined : withoutToken(given.join(', '), 'aws-chunked');
}
