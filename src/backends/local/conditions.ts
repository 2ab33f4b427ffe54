import { GatewayError } from '../../model/errors.ts';
import { notModified } from '../../model/not-modified.ts';
import type { Conditions, ObjectMetadata } from '../../model/objects.ts';

interface Validators {
  /** Unquoted. */
  readonly etag: string;
  /** ms since the epoch. */
  readonly modified: number;
}

/** Judges a read in the order of RFC 9110 section 13.2.2. Throws PreconditionFailed (412), or NotModified (304) with what caches need. */
export function judgeRead(
  conditions: Conditions,
  current: Validators,
  { cacheControl, expires }: Pick<ObjectMetadata, 'cacheControl' | 'expires'> = {},
): void {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, current.etag)) throw failed('If-Match');
  } else if (ifUnmodifiedSince !== undefined && seconds(current.modified) > seconds(ifUnmodifiedSince))
    throw failed('If-Unmodified-Since');
  const unchanged =
    ifNoneMatch === undefined
      ? ifModifiedSince !== undefined && seconds(current.modified) <= seconds(ifModifiedSince)
      : matches(ifNoneMatch, current.etag);
  if (unchanged) throw notModified({ etag: current.etag, lastModified: current.modified, cacheControl, expires });
}

/** Judges a write against what `find` says is there, inside the transaction that replaces it. */
export function judgeWrite(
  request: { readonly key: string; readonly conditions: Conditions; readonly forbidOverwrite?: boolean },
  find: () => Validators | undefined,
): void {
  const { ifMatch, ifNoneMatch, ifUnmodifiedSince } = request.conditions;
  // Most writes ask for nothing, and validators lie sealed in the index: looking costs more than the rest of the row.
  const asked = [ifMatch, ifNoneMatch, ifUnmodifiedSince].some((condition) => condition !== undefined);
  if (!asked && request.forbidOverwrite !== true) return;
  const current = find();
  if (request.forbidOverwrite === true && current !== undefined)
    throw new GatewayError('FileAlreadyExists', 'The object you specified already exists and can not be overwritten.', {
      details: { Key: request.key },
    });
  if (ifMatch !== undefined) {
    // S3 says NoSuchKey, not 412, where If-Match meets no object (User Guide, "Conditional writes").
    if (current === undefined)
      throw new GatewayError('NoSuchKey', 'The specified key does not exist.', { details: { Key: request.key } });
    if (!matches(ifMatch, current.etag)) throw failed('If-Match');
  } else if (
    ifUnmodifiedSince !== undefined &&
    current !== undefined &&
    seconds(current.modified) > seconds(ifUnmodifiedSince)
  )
    throw failed('If-Unmodified-Since');
  if (ifNoneMatch !== undefined && current !== undefined && matches(ifNoneMatch, current.etag))
    throw failed('If-None-Match');
}

function matches(tags: readonly string[], etag: string): boolean {
  // OSS clients see ETags in upper case, so letters must not count.
  return tags.some((tag) => tag === '*' || plain(tag) === etag.toLowerCase());
}

/** An ETag as clients may send it: quoted or not, in either case. */
export function plain(tag: string): string {
  return tag.replace(/^W\//, '').replace(/^"|"$/g, '').toLowerCase();
}

/** HTTP dates have whole seconds. */
function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

function failed(condition: string): GatewayError {
  return new GatewayError('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
    details: { Condition: condition },
  });
}
