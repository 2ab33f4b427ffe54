import type { StorageRequest, StorageResult } from '../model/operations.ts';
import { GatewayError } from '../model/errors.ts';
import { authorise, enter, locate, type Call } from './call.ts';

/** Each key is authorised on its own: prefixes of a grant apply, and a refusal is that key's error, not the batch's. */
export async function deleteObjects(
  call: Call,
  request: StorageRequest<'DeleteObjects'>,
): Promise<StorageResult<'DeleteObjects'>> {
  if (request.objects.length === 0) enter(call, 'delete', request.bucket);
  const place = locate(call, request.bucket);
  const errors: { key: string; code: string; message: string }[] = [];
  const allowed = request.objects.filter(({ key }) => {
    try {
      authorise(call, 'delete', request.bucket, key);
      return true;
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'AccessDenied') throw error;
      errors.push({ key, code: 'AccessDenied', message: 'Access Denied' });
      return false;
    }
  });
  // A language without per-key errors must not report a batch as done that was not: nothing is deleted then.
  if (errors.length > 0 && (allowed.length === 0 || !call.dialect.traits.perKeyErrors))
    throw new GatewayError('AccessDenied', 'Access Denied');
  const result = await place.backend.execute(
    { ...request, bucket: place.storeBucket, objects: allowed, quiet: false },
    call.context,
  );
  return { deleted: request.quiet ? [] : result.deleted, errors: [...result.errors, ...errors] };
}
