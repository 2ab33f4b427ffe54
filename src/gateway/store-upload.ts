import { GatewayError } from '../model/errors.ts';
import type { StorageRequest, StorageResult } from '../model/operations.ts';
import { attest, attestPart } from './attest.ts';
import type { Call, Place } from './call.ts';
import { unsealed } from './content.ts';
import { joinParts, joinsParts, mergedParts } from './join-parts.ts';
import { discardKept, keepPart, keptParts, replaceKept } from './kept-part.ts';
import { assertBelieved, protectWrite } from './protect-write.ts';
import { demandFitTransfer } from './encrypted-transfer.ts';
import { demandRepeatedWish } from './repeated-wish.ts';
import { shownIn, withoutEncryption } from './shown.ts';
import type { Expectation, UploadToken } from './upload-token.ts';

type Part = StorageRequest<'UploadPart'>;
type Complete = StorageRequest<'CompleteMultipartUpload'>;

/** A part for a store across the network; one that is too small for it is kept until Complete. */
export async function partAtStore(call: Call, place: Place, request: Part): Promise<StorageResult<'UploadPart'>> {
  const token = readToken(call, place, request);
  const expected = await expectationFor(call, place, request, token);
  await demandRepeatedWish(call, place, request, expected);
  demandFitTransfer(call, place, expected.kind);
  assertBelieved(call, place, 'UploadPart', expected.kind);
  await using content = await unsealed(call, place, request.body, undefined, {
    whole: checksumComesLast(place, request),
  });
  const { length, bytes } = content.content;
  if (joinsParts(call, place) && length !== undefined && length < place.backend.capabilities.minimumPartSize) {
    const { storeUploadId } = token;
    const { etag } = await keepPart(call, place, {
      storeUploadId,
      partNumber: request.partNumber,
      body: { ...request.body, bytes },
      length,
    });
    const { crc64 } = content.content.finish().digests;
    return { etag, ...(call.dialect.traits.crc64 ? { crc64 } : {}) };
  }
  const result = await place.backend.execute(
    { ...request, bucket: place.storeBucket, uploadId: token.storeUploadId, content: content.content },
    call.context,
  );
  attestPart(call, place, { operation: 'UploadPart', key: request.key, expected, observed: result.encryption });
  if (joinsParts(call, place)) await replaceKept(call, place, token.storeUploadId, request.partNumber);
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
  const token = readToken(call, place, request);
  const expected = await expectationFor(call, place, request, token);
  await demandRepeatedWish(call, place, request, expected);
  assertBelieved(call, place, request.operation, expected.kind);
  const { storeUploadId } = token;
  const kept = joinsParts(call, place) ? await keptParts(call, place, storeUploadId) : [];
  const before = kept.length === 0 ? call.services.repeatedCompletes.recall(request) : undefined;
  if (before !== undefined) return { ...withoutEncryption(before.result), ...shownIn(call, place, before.observed) };
  const explicit = kept.length > 0 || (request.parts === 'all' && !place.backend.capabilities.completesAll);
  const parts = explicit ? await joinParts(call, place, request, { storeUploadId, kept, expected }) : request.parts;
  const result = await place.backend.execute(
    { ...request, bucket: place.storeBucket, uploadId: storeUploadId, parts },
    call.context,
  );
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
  await discardKept(call, place, kept);
  return { ...withoutEncryption(result), ...shownIn(call, place, observed) };
}

export async function abortAtStore(
  call: Call,
  place: Place,
  request: StorageRequest<'AbortMultipartUpload'>,
): Promise<object> {
  const { storeUploadId } = readToken(call, place, request);
  const result = await place.backend.execute(
    { ...request, bucket: place.storeBucket, uploadId: storeUploadId },
    call.context,
  );
  if (joinsParts(call, place)) await discardKept(call, place, await keptParts(call, place, storeUploadId));
  return result;
}

export async function listPartsAtStore(
  call: Call,
  place: Place,
  request: StorageRequest<'ListParts'>,
): Promise<StorageResult<'ListParts'>> {
  const { storeUploadId } = readToken(call, place, request);
  return joinsParts(call, place)
    ? await mergedParts(call, place, request, { storeUploadId, kept: await keptParts(call, place, storeUploadId) })
    : await place.backend.execute({ ...request, bucket: place.storeBucket, uploadId: storeUploadId }, call.context);
}

/** The store's upload id, and what was decided when the upload began. */
export function readToken(
  call: Call,
  place: Place,
  request: { readonly key: string; readonly uploadId: string },
): UploadToken {
  if (place.backend.sealed !== undefined) return { storeUploadId: request.uploadId, expected: undefined };
  const token = call.services.uploadTokens.read(place.storeBucket, request.key, request.uploadId);
  if (token === undefined) throw noSuchUpload();
  return token;
}

/** A bare store id says nothing of its Create: then it must be as the policy decides without a wish. */
export async function expectationFor(
  call: Call,
  place: Place,
  request: { readonly key: string },
  token: UploadToken,
): Promise<Expectation> {
  if (token.expected !== undefined) return token.expected;
  const protection = await protectWrite(call, place, {
    operation: 'CreateMultipartUpload',
    key: request.key,
    wish: { state: 'absent' },
  });
  return protection.expected;
}

function noSuchUpload(): GatewayError {
  return new GatewayError(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  );
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
