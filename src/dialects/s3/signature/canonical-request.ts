import { createHash } from 'node:crypto';
import { decodeComponent, encodeComponent, encodePath } from '../../../wire/percent-encoding.ts';
import { headersOf } from '../../../wire/message.ts';
import type { HeaderLines, QueryParameter } from '../../../wire/message.ts';

/** What SigV4 hashes of a request. */
export interface CanonicalParts {
  readonly method: string;
  /** Already canonical, see `canonicalPath`. */
  readonly path: string;
  /** Already canonical, see `canonicalQuery`. */
  readonly query: string;
  readonly headers: HeaderLines;
  readonly host: string;
  readonly signedHeaders: readonly string[];
  readonly payloadHash: string;
}

/** SigV4's canonical request. Header values are latin1 text of the bytes on the wire, so hash it as latin1. */
export function canonicalRequest(parts: CanonicalParts): string {
  const headers = parts.signedHeaders.map((name) => `${name}:${canonicalHeader(parts, name)}\n`).join('');
  return [parts.method, parts.path, parts.query, headers, parts.signedHeaders.join(';'), parts.payloadHash].join('\n');
}

/** The string to sign over a canonical request. */
export function stringToSign(timestamp: string, scope: string, canonical: string): string {
  return `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${createHash('sha256').update(canonical, 'latin1').digest('hex')}`;
}

/** S3's path: decoded, then encoded once; never normalised. Undefined for a bad escape. */
export function canonicalPath(path: string): string | undefined {
  const decoded = decodeComponent(path);
  return decoded === undefined ? undefined : encodePath(decoded);
}

/** Encoded again and sorted; duplicates stay. `omitted` is left out (the signature of a presigned URL). */
export function canonicalQuery(query: readonly QueryParameter[], omitted?: string): string {
  return query
    .filter(({ name }) => name !== omitted)
    .map(({ name, value }) => [encodeComponent(name), encodeComponent(value ?? '')] as const)
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function canonicalHeader({ headers, host }: CanonicalParts, name: string): string {
  // Only spaces and tabs: `\s` would eat 0xA0, which is half a letter in UTF-8.
  const values = name === 'host' ? [host] : headersOf(headers, name);
  return values.map((value) => value.replace(/[ \t]+/g, ' ').replace(/^ | $/g, '')).join(',');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
