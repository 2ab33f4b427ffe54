import { GatewayError } from '../../model/errors.ts';
import type { PartInfo } from '../../model/objects.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import type { SealHeader } from '../../model/seal.ts';
import { attest, attestPart } from '../answer/attest.ts';
import type { Call, Place } from '../call/call.ts';
import { unsealed } from '../protect/content.ts';
import { demandObjectSize } from './sealed-upload.ts';
import { continueAtStore, nameOf, readToken } from './continue-upload.ts';
import { joinParts, joinsParts, mergedParts, partsToComplete } from './join-parts.ts';
import { demandUnderWay, discardKept, keepPart, keptParts, replaceKept } from './kept-part.ts';
import { assertBelieved } from '../decide/decide-write.ts';
import { checkPartCustomerKey } from '../protect/seal-upload.ts';
import type { Completion } from '../memory/repeated-complete.ts';
import { demandRepeatedWish, type BegunWith } from '../decide/repeated-wish.ts';
import { compareWhole, createdWith, demandCompleteChecksums, demandPartChecksum } from './upload-checksum.ts';
import { shownIn, withoutEncryption } from '../answer/shown.ts';
import type { UploadClaim } from '../memory/upload-token.ts';

type Part = StorageRequest<'UploadPart'>;
type Complete = StorageRequest<'CompleteMultipartUpload'>;

/** A part for a store across the network; one that is too small for it is kept until Complete. */
export async function partAtStore(
  call: Call,
  place: Place,
  request: Part,
  claim: UploadClaim,
): Promise<StorageResult<'UploadPart'>> {
  const { storeUploadId, expected } = claim;
  await demandRepeatedWish(call, place, request, begunBy(call, claim));
  checkPartCustomerKey(customerOf(claim), request.customerKey);
  assertBelieved(call, place, 'UploadPart', expected.kind);
  demandPartChecksum(createdWith(claim), request);
  await using content = await unsealed(call, place, request.body, undefined, {
    whole: checksumComesLast(place, request),
  });
  const { length, bytes } = content.content;
  if (joinsParts(call, place) && length !== undefined && length < place.backend.capabilities.minimumPartSize) {
    const { etag, objectKey } = await keepPart(call, place, {
      storeUploadId,
      partNumber: request.partNumber,
      body: { ...request.body, bytes },
      length,
    });
    await demandUnderWay(call, place, { key: request.key, storeUploadId, objectKey });
    const { crc64 } = content.content.finish().digests;
    return { etag, ...(call.dialect.traits.crc64 ? { crc64 } : {}) };
  }
  const result = await place.backend.execute(
    { ...request, bucket: place.storeBucket, uploadId: storeUploadId, content: content.content },
    call.context,
  );
  attestPart(call, place, { operation: 'UploadPart', key: request.key, expected, observed: result.encryption });
  if (joinsParts(call, place)) await replaceKept(call, place, storeUploadId, request.partNumber);
  const { digests } = content.content.finish();
  return {
    ...withoutEncryption(result),
    ...shownIn(call, place, result.encryption),
    ...(call.dialect.traits.crc64 ? { crc64: result.crc64 ?? digests.crc64 } : {}),
  };
}

/** Completes at the store, joining first what was kept, and asks where the answer is silent. */
export async function completeAtStore(
  call: Call,
  place: Place,
  request: Complete,
): Promise<StorageResult<'CompleteMultipartUpload'>> {
  const claim = await continueAtStore(call, place, request);
  const { expected } = claim;
  await demandRepeatedWish(call, place, request, begunBy(call, claim));
  if (request.customerKey !== undefined) checkPartCustomerKey(customerOf(claim), request.customerKey);
  assertBelieved(call, place, request.operation, expected.kind);
  demandCompleteChecksums(createdWith(claim), request, place);
  const outliving = call.services.outlive(call.wire);
  const going: Call = { ...call, context: { requestId: call.context.requestId, signal: outliving.signal } };
  const { result, observed } = await call.services.repeatedCompletes
    .once(request, call.context.signal, () => completed(going, place, request, claim))
    .finally(outliving.release);
  return { ...withoutEncryption(result), ...shownIn(call, place, observed) };
}

/** A store completes whatever becomes of the client that asked: so does this, and the same request again gets its answer. */
async function completed(call: Call, place: Place, request: Complete, claim: UploadClaim): Promise<Completion> {
  const { storeUploadId, expected } = claim;
  const kept = joinsParts(call, place) ? await keptParts(call, place, storeUploadId) : [];
  const before = kept.length === 0 ? call.services.repeatedCompletes.recall(request) : undefined;
  if (before !== undefined) return before;
  const result = await orDiscard(call, place, storeUploadId, async () => {
    await demandWhole(place, request, claim, () => partsToComplete(call, place, request, { storeUploadId, kept }));
    const explicit = kept.length > 0 || (request.parts === 'all' && !place.backend.capabilities.completesAll);
    const parts = explicit ? await joinParts(call, place, request, { storeUploadId, kept, expected }) : request.parts;
    return await place.backend.execute(
      { ...request, bucket: place.storeBucket, uploadId: storeUploadId, parts },
      call.context,
    );
  });
  const observed = await attest(call, place, {
    operation: 'CompleteMultipartUpload',
    key: request.key,
    expected,
    etag: result.etag,
    versionId: result.versionId,
    observed: result.encryption,
    customerKey: request.customerKey,
  });
  if (kept.length > 0) call.services.repeatedCompletes.remember(request, { result, observed });
  call.services.knownUploads.forget(nameOf(place, claim));
  await discardKept(call, place, kept);
  return { result, observed };
}

/** The only thing that is done to uploads of another tool's, by the store's own id. */
export async function abortAtStore(
  call: Call,
  place: Place,
  request: StorageRequest<'AbortMultipartUpload'>,
): Promise<object> {
  const token = readToken(call, place, request);
  const { storeUploadId } = token;
  const result = await orDiscard(call, place, storeUploadId, () =>
    place.backend.execute({ ...request, bucket: place.storeBucket, uploadId: storeUploadId }, call.context),
  );
  call.services.knownUploads.forget(nameOf(place, token));
  await discardAllKept(call, place, storeUploadId);
  return result;
}

export async function listPartsAtStore(
  call: Call,
  place: Place,
  request: StorageRequest<'ListParts'>,
  { storeUploadId }: UploadClaim,
): Promise<StorageResult<'ListParts'>> {
  if (!joinsParts(call, place))
    return await place.backend.execute(
      { ...request, bucket: place.storeBucket, uploadId: storeUploadId },
      call.context,
    );
  const kept = await keptParts(call, place, storeUploadId);
  return await orDiscard(call, place, storeUploadId, () => mergedParts(call, place, request, { storeUploadId, kept }));
}

/** What the client says of the whole, compared here: not every store does. */
async function demandWhole(
  place: Place,
  request: Complete,
  claim: UploadClaim,
  listed: () => Promise<readonly PartInfo[]>,
): Promise<void> {
  try {
    if (request.objectSize !== undefined) demandObjectSize(await listed(), request.objectSize);
    if (!place.backend.capabilities.checksumHeaders) await compareWhole(createdWith(claim), request, listed);
  } catch (error) {
    // Completed before: the store may still repeat its answer.
    if (error instanceof GatewayError && error.code === 'NoSuchUpload') return;
    throw error;
  }
}

/** What an upload id says that its upload was begun with. */
function begunBy(call: Call, { storeUploadId, expected, contextMark }: UploadClaim): BegunWith {
  const { uploadTokens } = call.services;
  return { expected, hasContext: (context) => contextMark === uploadTokens.contextMark(storeUploadId, context) };
}

/** The customer's key that an upload was begun under, for the comparison with that of a part. */
export function customerOf({
  expected,
}: Pick<UploadClaim, 'expected'>): Pick<SealHeader, 'mode' | 'customerKeyMd5'> | undefined {
  return expected.kind === 'customer' ? { mode: 'customer', customerKeyMd5: expected.md5 } : undefined;
}

/** What was kept for an upload that the store says is gone has nobody left to remove it. */
async function orDiscard<T>(call: Call, place: Place, storeUploadId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'NoSuchUpload')
      await discardAllKept(call, place, storeUploadId).catch(() => undefined);
    throw error;
  }
}

async function discardAllKept(call: Call, place: Place, storeUploadId: string): Promise<void> {
  if (joinsParts(call, place)) await discardKept(call, place, await keptParts(call, place, storeUploadId));
}

/**
 * S3 stores demand a checksum with each part of an upload that was created with one, in the head. Where the client sends
 * it in a trailer, the part is held until it is known.
 */
function checksumComesLast(place: Place, { body }: Part): boolean {
  return (
    place.backend.capabilities.checksumHeaders && body.checksum !== undefined && body.checksum.value() === undefined
  );
}
