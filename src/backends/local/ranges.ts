import { GatewayError } from '../../model/errors.ts';
import type { ByteRange, RangeSpec } from '../../model/objects.ts';

/** Inclusive positions within `size` bytes; InvalidRange (416) when the range names none of them. */
export function resolveRange(spec: RangeSpec, size: number): ByteRange {
  if (spec.kind === 'suffix') {
    if (spec.length <= 0 || size === 0) throw unsatisfiable(`bytes=-${spec.length}`, size);
    return { first: Math.max(0, size - spec.length), last: size - 1 };
  }
  const { first, last } = spec;
  if (first >= size || (last !== undefined && last < first)) throw unsatisfiable(`bytes=${first}-${last ?? ''}`, size);
  return { first, last: Math.min(last ?? size - 1, size - 1) };
}

/** The range of part `number`; undefined where it is empty. An object put in one piece is its own part 1. */
export function partRange(
  number: number,
  parts: readonly { readonly number: number; readonly size: number }[],
): ByteRange | undefined {
  let first = 0;
  for (const part of parts) {
    if (part.number === number) return part.size === 0 ? undefined : { first, last: first + part.size - 1 };
    first += part.size;
  }
  throw new GatewayError('InvalidRange', 'The requested partnumber is not satisfiable', {
    details: { PartNumberRequested: number, ActualPartCount: parts.length },
  });
}

function unsatisfiable(requested: string, size: number): GatewayError {
  return new GatewayError('InvalidRange', 'The requested range is not satisfiable', {
    details: { RangeRequested: requested, ActualObjectSize: size },
  });
}
