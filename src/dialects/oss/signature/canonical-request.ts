import { createHash, timingSafeEqual } from 'node:crypto';
import type { HeaderLines, QueryParameter } from '../../../wire/message.ts';
import { decodeComponent } from '../../../wire/percent-encoding.ts';

/** A decoded query parameter; `value` is empty for `?acl` and `?acl=` alike, as every OSS signature treats them. */
export interface Parameter {
  readonly name: string;
  readonly value: string;
}

/** What a signature covers, whether the request comes in or goes out. */
export interface Signable {
  readonly method: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly headers: HeaderLines;
  readonly parameters: readonly Parameter[];
}

/** Text as the bytes of its UTF-8, one character a byte: header values are latin1 text of their bytes already. */
export function binary(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** `/bucket/key`, `/bucket/` or `/`: independent of how the request addressed it. */
export function resourcePath(resource: Pick<Signable, 'bucket' | 'key'>): string {
  return resource.bucket === undefined ? '/' : `/${resource.bucket}/${resource.key ?? ''}`;
}

/** Header values by name, several lines joined by `,`, blanks around them dropped. */
export function headerMap(headers: HeaderLines): ReadonlyMap<string, string> {
  const joined = new Map<string, string>();
  for (const [name, value] of headers) {
    const trimmed = withoutBlanks(value);
    const before = joined.get(name);
    joined.set(name, before === undefined ? trimmed : `${before},${trimmed}`);
  }
  return joined;
}

/** Parameters from their raw spelling: OSS SDKs send a space as `+` or `%20`. Undefined for a bad escape. */
export function parametersOf(query: readonly QueryParameter[]): readonly Parameter[] | undefined {
  const parameters: Parameter[] = [];
  for (const { rawName, rawValue } of query) {
    if (rawName === '' && rawValue === undefined) continue;
    const name = decodeComponent(rawName, { plusIsSpace: true });
    const value = decodeComponent(rawValue ?? '', { plusIsSpace: true });
    if (name === undefined || value === undefined) return undefined;
    parameters.push({ name, value });
  }
  return parameters;
}

/** Parameters of an encoded query that this gateway wrote. */
export function parametersOfText(query: string): readonly Parameter[] {
  if (query === '') return [];
  return query.split('&').map((pair) => {
    const equals = pair.indexOf('=');
    const [name, value] = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    return { name: decodeComponent(name) ?? name, value: decodeComponent(value) ?? value };
  });
}

/** Byte order of ASCII text. */
export function byBytes(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Compares secrets of any length in constant time: their digests have one size. */
export function sameSecret(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();
  return timingSafeEqual(digest(left), digest(right));
}

/** A pattern for the blanks at the end would backtrack over every blank inside; `trim` would eat 0xA0, half a letter in UTF-8. */
function withoutBlanks(value: string): string {
  let [start, end] = [0, value.length];
  while (start < end && isBlank(value[start])) start++;
  while (start < end && isBlank(value[end - 1])) end--;
  return value.slice(start, end);
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t';
}
