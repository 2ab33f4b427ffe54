import type { Backend, CallContext } from '../../model/backend.ts';
import { GatewayError } from '../../model/errors.ts';
import type { ByteRange } from '../../model/objects.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';

/**
 * Reads with the range rule of the client's language: where a range beyond the end means the whole object (OSS), a store
 * that answers 416 or what there is of it is asked again without the range.
 */
export async function getWithRangeRule(
  backend: Backend,
  request: StorageRequest<'GetObject'>,
  context: CallContext,
): Promise<StorageResult<'GetObject'>> {
  const result = await backend.execute(request, context).catch(unlessBeyond(request));
  if (result !== undefined && !isCut(request, result.range)) return result;
  if (result !== undefined) await release(result.content);
  return await backend.execute(withoutRange(request), context);
}

/** The same for the answer to a HEAD. */
export async function headWithRangeRule(
  backend: Backend,
  request: StorageRequest<'HeadObject'>,
  context: CallContext,
): Promise<StorageResult<'HeadObject'>> {
  const result = await backend.execute(request, context).catch(unlessBeyond(request));
  return result !== undefined && !isCut(request, result.range)
    ? result
    : await backend.execute(withoutRange(request), context);
}

type Read = StorageRequest<'GetObject' | 'HeadObject'>;

function unlessBeyond(request: Read): (error: unknown) => undefined {
  return (error) => {
    if (request.lenientRange === true && request.range !== undefined && isBeyond(error)) return undefined;
    throw error;
  };
}

/** A HEAD's 416 has no body and so no code of its own. */
function isBeyond(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'InvalidRange';
}

function isCut({ lenientRange, range }: Read, answered: ByteRange | undefined): boolean {
  if (lenientRange !== true || range?.kind !== 'from' || answered === undefined) return false;
  return range.last !== undefined && answered.last < range.last;
}

function withoutRange<R extends Read>(request: R): R {
  const { range: _range, lenientRange: _lenientRange, ...whole } = request;
  return whole as R;
}

/** Gives up an answer's bytes: a stream lets go of its connection only once it has been begun. */
export async function release(content: StorageResult<'GetObject'>['content']): Promise<void> {
  if (content.kind === 'sealed') {
    await content.close();
    return;
  }
  try {
    for await (const _chunk of content.bytes) break;
  } catch {
    // What fails while it is given up is given up.
  }
}
