import type { Conditions } from '../../../model/objects.ts';
import { formatHttpDate, parseHttpDate } from '../../../wire/http-date.ts';
import type { HeaderLines } from '../../../wire/message.ts';
import { headersOf } from '../../../wire/message.ts';
import { quoted, unquoted } from './xml.ts';

/** RFC 9110 conditions; `prefix` is `x-amz-copy-source-` for those on a copy's source. Bad dates are ignored, as the RFC says. */
export function decodeConditions(headers: HeaderLines, prefix = ''): Conditions {
  const ifMatch = etags(headersOf(headers, `${prefix}if-match`));
  const ifNoneMatch = etags(headersOf(headers, `${prefix}if-none-match`));
  const ifModifiedSince = date(headersOf(headers, `${prefix}if-modified-since`));
  const ifUnmodifiedSince = date(headersOf(headers, `${prefix}if-unmodified-since`));
  return {
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
    ...(ifModifiedSince === undefined ? {} : { ifModifiedSince }),
    ...(ifUnmodifiedSince === undefined ? {} : { ifUnmodifiedSince }),
  };
}

/** The same for a store. */
export function encodeConditions(conditions: Conditions, prefix = ''): HeaderLines {
  const lines: [string, string][] = [];
  if (conditions.ifMatch !== undefined) lines.push([`${prefix}if-match`, list(conditions.ifMatch)]);
  if (conditions.ifNoneMatch !== undefined) lines.push([`${prefix}if-none-match`, list(conditions.ifNoneMatch)]);
  if (conditions.ifModifiedSince !== undefined)
    lines.push([`${prefix}if-modified-since`, formatHttpDate(conditions.ifModifiedSince)]);
  if (conditions.ifUnmodifiedSince !== undefined)
    lines.push([`${prefix}if-unmodified-since`, formatHttpDate(conditions.ifUnmodifiedSince)]);
  return lines;
}

function etags(values: readonly string[]): readonly string[] | undefined {
  if (values.length === 0) return undefined;
  return values.flatMap((value) => (value.match(/(?:W\/)?"[^"]*"|[^,\s"]+/g) ?? []).map((etag) => unquoted(etag)));
}

function date(values: readonly string[]): number | undefined {
  return values[0] === undefined ? undefined : parseHttpDate(values[0]);
}

function list(values: readonly string[]): string {
  return values.map((etag) => (etag === '*' ? etag : quoted(etag))).join(', ');
}
