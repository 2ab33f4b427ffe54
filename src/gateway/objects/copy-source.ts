import type { ObjectMetadata } from '../../model/objects.ts';
import { GatewayError } from '../../model/errors.ts';
import type { StorageRequest } from '../../model/operations.ts';
import type { Call, Place } from '../call/call.ts';
import { release } from './lenient-range.ts';
import { readObject } from './read-object.ts';

export type CopySourceObject = Awaited<ReturnType<typeof readObject>>;

/** Reads the source of a copy for `use`; whatever fails after that, nothing of it stays open. */
export async function withCopySource<T>(
  call: Call,
  from: Place,
  read: StorageRequest<'GetObject'>,
  judge: (metadata: ObjectMetadata) => void,
  use: (source: CopySourceObject) => Promise<T>,
): Promise<T> {
  const source = await openSource(call, from, read, judge);
  try {
    return await use(source);
  } catch (error) {
    await release(source.content);
    throw error;
  }
}

/** Conditions on a source fail the copy with 412, never with 304. */
async function openSource(
  call: Call,
  from: Place,
  read: StorageRequest<'GetObject'>,
  judge: (metadata: ObjectMetadata) => void,
): Promise<CopySourceObject> {
  try {
    return await readObject(call, from, read, judge);
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'NotModified')
      throw new GatewayError('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
        cause: error,
      });
    throw error;
  }
}
