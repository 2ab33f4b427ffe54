import { GatewayError } from '../../../model/errors.ts';
import type { ByteRange, RangeSpec } from '../../../model/objects.ts';

/** A `Range` header: one range of bytes, or undefined where S3 ignores it (malformed, reversed, several ranges). */
export function parseRange(header: string | undefined): RangeSpec | undefined {
  const match = /^bytes=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*$/i.exec(header ?? '');
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? undefined : { kind: 'suffix', length: position(last) };
  if (last === '') return { kind: 'from', first: position(first) };
  if (position(last) < position(first)) return undefined;
  return { kind: 'from', first: position(first), last: position(last) };
}

/** `x-amz-copy-source-range`: both ends, or InvalidArgument. */
export function parseCopyRange(value: string): ByteRange {
  const match = /^bytes=(\d{1,16})-(\d{1,16})$/.exec(value);
  const range = match === null ? undefined : { first: Number(match[1]), last: Number(match[2]) };
  if (range === undefined || range.last < range.first || !Number.isSafeInteger(range.last))
    throw new GatewayError(
      'InvalidArgument',
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
      { details: { ArgumentName: 'x-amz-copy-source-range', ArgumentValue: value } },
    );
  return range;
}

/** The header that asks a store for a range. */
export function formatRange(range: RangeSpec): string {
  return range.kind === 'suffix' ? `bytes=-${range.length}` : `bytes=${range.first}-${range.last ?? ''}`;
}

/** `Content-Range` of a 206: the range and the object's size; undefined for anything else. */
export function parseContentRange(
  header: string | undefined,
): { readonly range: ByteRange; readonly size: number } | undefined {
  const match = /^bytes[ =](\d{1,16})-(\d{1,16})\/(\d{1,16})$/i.exec(header?.trim() ?? '');
  if (match === null) return undefined;
  const [first, last, size] = [Number(match[1]), Number(match[2]), Number(match[3])];
  return first <= last && last < size && Number.isSafeInteger(size) ? { range: { first, last }, size } : undefined;
}

function position(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}
