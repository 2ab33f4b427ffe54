import type { SealedStore, StoredPart } from '../../model/backend.ts';
import { GatewayError } from '../../model/errors.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { demand, type Call, type Place } from '../call/call.ts';
import { demandSealedGoesOn } from './continue-upload.ts';
import { begunAs, demandRepeatedWish } from '../decide/repeated-wish.ts';
import { completeSealed } from '../protect/seal-upload.ts';
import { demandCompleteChecksums } from './upload-checksum.ts';

type Complete = StorageRequest<'CompleteMultipartUpload'>;

/** Complete on a store whose content the gateway seals: the manifest is bound here, over the parts that the client chose. */
export async function completeSealedUpload(
  call: Call,
  place: Place,
  store: SealedStore,
  request: Complete,
): Promise<StorageResult<'CompleteMultipartUpload'>> {
  const send = (seal?: Complete['seal']): Promise<StorageResult<'CompleteMultipartUpload'>> =>
    place.backend.execute(
      { ...request, bucket: place.storeBucket, ...(seal === undefined ? {} : { seal }) },
      call.context,
    );
  const state = await store.upload(place.storeBucket, request.key, request.uploadId).catch((error: unknown) => {
    if (error instanceof GatewayError && error.code === 'NoSuchUpload') return undefined;
    throw error;
  });
  // Gone: aborted, or completed before. The store remembers what it completed and repeats its answer.
  if (state === undefined) return repeated(call, place, await send());
  await demandSealedGoesOn(call, place, request, state);
  await demandRepeatedWish(call, place, request, begunAs(state));
  demandCompleteChecksums(state.checksum, request, place);
  const chosen = choose(await store.parts(place.storeBucket, request.key, request.uploadId), request.parts);
  demandPartSizes(chosen, call.dialect.traits.minimumPartSize);
  demandObjectSize(chosen, request.objectSize);
  if (state.seal === undefined) return await send();
  return await send(
    await completeSealed({
      header: state.seal,
      parts: chosen,
      bucket: place.storeBucket,
      binding: { key: request.key, metadata: state.metadata },
      checksum: state.checksum,
      customerKey: request.customerKey,
      keyring: call.snapshot.keyring,
      randomBytes: call.services.randomBytes,
    }),
  );
}

/** An answer that was given before tells of the object: it is for who holds the key that the object lies under. */
function repeated(
  call: Call,
  place: Place,
  result: StorageResult<'CompleteMultipartUpload'>,
): StorageResult<'CompleteMultipartUpload'> {
  const { encryption } = result;
  if (encryption?.kind === 'kms')
    demand(call.snapshot.policy.mayRead(call.client.principal, place.bucket, encryption.key ?? ''), call.dialect.name);
  return result;
}

function choose(stored: readonly StoredPart[], wanted: Complete['parts']): readonly StoredPart[] {
  if (wanted === 'all') return stored;
  const byNumber = new Map(stored.map((part) => [part.partNumber, part]));
  let last = 0;
  return wanted.map(({ partNumber, etag }) => {
    if (partNumber <= last)
      throw new GatewayError(
        'InvalidPartOrder',
        'The list of parts was not in ascending order. Parts must be ordered by part number.',
      );
    last = partNumber;
    const part = byNumber.get(partNumber);
    if (part === undefined || part.etag.toLowerCase() !== etag.toLowerCase())
      throw new GatewayError(
        'InvalidPart',
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
        { details: { PartNumber: partNumber, ETag: etag } },
      );
    return part;
  });
}

function demandPartSizes(parts: readonly StoredPart[], minimum: number): void {
  const small = parts.slice(0, -1).find((part) => part.size < minimum);
  if (small !== undefined)
    throw new GatewayError('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
      details: { ProposedSize: small.size, MinSizeAllowed: minimum, PartNumber: small.partNumber, ETag: small.etag },
    });
}

/** The bytes that the client counted, where it says so. */
export function demandObjectSize(parts: readonly { readonly size: number }[], expected: number | undefined): void {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  if (expected !== undefined && expected !== size)
    throw new GatewayError(
      'InvalidRequest',
      `The object size that was given, ${expected}, does not match what was computed: ${size}`,
    );
}
