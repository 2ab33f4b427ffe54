import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { enter, HIDDEN_PREFIX, type Call, type Place } from '../call/call.ts';
import { nameOf } from './continue-upload.ts';

type List = StorageRequest<'ListMultipartUploads'>;
type Listed = StorageResult<'ListMultipartUploads'>;

/**
 * Uploads under way, each by the id that its client got. A store lists its own ids: where none of ours is known for one
 * (another tool's upload), that is what is shown, and all that can be done with it is to abort it.
 */
export async function listMultipartUploads(call: Call, request: List): Promise<Listed> {
  const place = enter(call, 'write', request.bucket);
  const asked = { ...request, bucket: place.storeBucket };
  if (place.backend.sealed !== undefined) return await place.backend.execute(asked, call.context);
  const { keyMarker, uploadIdMarker } = request;
  const result = await place.backend.execute(
    { ...asked, uploadIdMarker: storeIdOf(call, place, { key: keyMarker, uploadId: uploadIdMarker }) },
    call.context,
  );
  const { nextUploadIdMarker } = result;
  return {
    ...result,
    uploads: result.uploads
      .filter(({ key }) => !key.startsWith(HIDDEN_PREFIX))
      .map((upload) => ({ ...upload, uploadId: issuedIdOf(call, place, upload.uploadId) })),
    commonPrefixes: result.commonPrefixes.filter((prefix) => !prefix.startsWith(HIDDEN_PREFIX)),
    ...(nextUploadIdMarker === undefined || nextUploadIdMarker === ''
      ? {}
      : { nextUploadIdMarker: issuedIdOf(call, place, nextUploadIdMarker) }),
  };
}

function issuedIdOf(call: Call, place: Place, storeUploadId: string): string {
  return call.services.knownUploads.issuedId(nameOf(place, { storeUploadId })) ?? storeUploadId;
}

/** A marker is the id of the last page's last upload, as it was shown. */
function storeIdOf(
  call: Call,
  place: Place,
  { key, uploadId }: { readonly key: string; readonly uploadId: string },
): string {
  return call.services.uploadTokens.read(place.storeBucket, key, uploadId)?.storeUploadId ?? uploadId;
}
