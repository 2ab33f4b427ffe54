import { GatewayError } from '../../model/errors.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { enter, type Call, type Place } from '../call/call.ts';

/** Whether uploads under way keep a bucket is the rule of the client's dialect, whatever the store's own is. */
export async function deleteBucket(
  call: Call,
  request: StorageRequest<'DeleteBucket'>,
): Promise<StorageResult<'DeleteBucket'>> {
  const place = enter(call, 'configure', request.bucket);
  const uploadsKeep = call.dialect.traits.uploadsKeepBucket;
  // The embedded store judges it in the transaction that deletes; a store of the same dialect knows the rule itself.
  if (uploadsKeep && place.backend.sealed === undefined && !place.sameDialect) await demandNoUploads(call, place);
  return await place.backend.execute({ ...request, bucket: place.storeBucket, uploadsKeep }, call.context);
}

async function demandNoUploads(call: Call, place: Place): Promise<void> {
  const { uploads } = await place.backend.execute(
    {
      operation: 'ListMultipartUploads',
      bucket: place.storeBucket,
      prefix: '',
      delimiter: '',
      keyMarker: '',
      uploadIdMarker: '',
      maxUploads: 1,
    },
    call.context,
  );
  if (uploads.length > 0)
    throw new GatewayError('BucketNotEmpty', 'The bucket you tried to delete is not empty.', {
      details: { BucketName: place.bucket },
    });
}
