import { judgeWrite } from '../../backends/local/conditions.ts';
import { GatewayError } from '../../model/errors.ts';
import type { StorageRequest } from '../../model/operations.ts';
import type { Call, Place } from '../call/call.ts';

/**
 * Judges the conditions of a write that only begins or goes on an object: S3 knows none on CreateMultipartUpload, and
 * OSS documents none on AppendObject, so a store across the network might drop what the client asked for.
 */
export async function judgeBegin(
  call: Call,
  place: Place,
  request: StorageRequest<'CreateMultipartUpload' | 'AppendObject'>,
): Promise<void> {
  const asked =
    request.forbidOverwrite === true || Object.values(request.conditions).some((each) => each !== undefined);
  // The embedded store judges them itself, inside its transaction.
  if (!asked || place.backend.sealed !== undefined) return;
  const found = await currentAt(call, place, request.key);
  judgeWrite(request, () => found);
}

async function currentAt(
  call: Call,
  place: Place,
  key: string,
): Promise<{ readonly etag: string; readonly modified: number } | undefined> {
  try {
    const { etag, lastModified } = await place.backend.execute(
      { operation: 'HeadObject', bucket: place.storeBucket, key, conditions: {}, checksumMode: false, overrides: {} },
      call.context,
    );
    return { etag, modified: lastModified };
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'NoSuchKey') return undefined;
    throw error;
  }
}
