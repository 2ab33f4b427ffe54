import type { UploadState } from '../../model/backend.ts';
import { GatewayError } from '../../model/errors.ts';
import type { ObjectMetadata } from '../../model/objects.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { attestPart, recordOutcome } from '../answer/attest.ts';
import { enter, type Call, type Place } from '../call/call.ts';
import { prepared, sealServices, unsealed } from '../protect/content.ts';
import { copiesNatively } from '../objects/copy-object.ts';
import {
  guardOf,
  guardOfSeal,
  mayKnowDigests,
  withoutDigests,
  withoutPartDigests,
  type Guard,
} from '../answer/digest-rights.ts';
import { demandCopyable, demandCopyableAtStore } from '../objects/copy-refusal.ts';
import { begunAs, demandRepeatedMetadata, demandRepeatedWish } from '../decide/repeated-wish.ts';
import { withChecksum } from './part-checksum.ts';
import { assertBelieved, protectWrite } from '../decide/decide-write.ts';
import { beginSealedUpload, checkPartCustomerKey, sealPart } from '../protect/seal-upload.ts';
import { withCopySource } from '../objects/copy-source.ts';
import { completeSealedUpload } from './sealed-upload.ts';
import { contextSent, shown, shownIn, withContext, withoutEncryption } from '../answer/shown.ts';
import { joinsParts } from './join-parts.ts';
import { judgeBegin } from '../decide/judge-begin.ts';
import { continueUpload, nameOf, type UploadUnderWay } from './continue-upload.ts';
import { abortAtStore, completeAtStore, customerOf, listPartsAtStore, partAtStore } from './store-upload.ts';
import { createdWith, demandPartChecksum, uploadChecksumOf } from './upload-checksum.ts';

type Create = StorageRequest<'CreateMultipartUpload'>;
type Part = StorageRequest<'UploadPart'>;
type PartCopy = StorageRequest<'UploadPartCopy'>;
type Complete = StorageRequest<'CompleteMultipartUpload'>;

/** Encryption is fixed here: parts and Complete only repeat it. */
export async function createMultipartUpload(
  call: Call,
  request: Create,
): Promise<StorageResult<'CreateMultipartUpload'>> {
  const place = enter(call, 'write', request.bucket, request.key);
  const protection = await protectWrite(call, place, request);
  await judgeBegin(call, place, request);
  const { seal } = protection;
  const header =
    seal === undefined
      ? undefined
      : await beginSealedUpload({ encryption: seal, bucket: place.storeBucket, ...sealServices(call) });
  const result = await place.backend.execute(
    {
      ...request,
      bucket: place.storeBucket,
      ...(header === undefined ? {} : { seal: header }),
      underBucketRule: protection.decision.underBucketRule === true,
      ...(protection.encryption === undefined ? {} : { encryption: protection.encryption }),
    },
    call.context,
  );
  const encryption = withContext(result.encryption, protection);
  if (place.backend.capabilities.seals) return { ...result, ...shownIn(call, place, encryption) };
  try {
    // A silent answer leaves the upload unproven: its first part, or the HEAD after Complete, proves it.
    attestPart(call, place, {
      operation: 'CreateMultipartUpload',
      key: request.key,
      expected: protection.expected,
      observed: result.encryption,
    });
  } catch (error) {
    await place.backend
      .execute(
        { operation: 'AbortMultipartUpload', bucket: place.storeBucket, key: request.key, uploadId: result.uploadId },
        call.context,
      )
      .catch(() => undefined);
    throw error;
  }
  const decided = protection.decision.encryption;
  const storeUploadId = result.uploadId;
  const context = contextSent(protection);
  const checksum = uploadChecksumOf(request);
  const { uploadTokens, knownUploads } = call.services;
  const uploadId = uploadTokens.issue(place.storeBucket, request.key, {
    storeUploadId,
    expected: protection.expected,
    checksumAlgorithm: checksum.algorithm,
    checksumType: checksum.type,
    alias: decided.kind === 'kms' ? decided.key : undefined,
    initiated: call.services.now(),
    contextMark: context === undefined ? undefined : uploadTokens.contextMark(storeUploadId, context),
  });
  knownUploads.noteIssued(nameOf(place, { storeUploadId }), uploadId);
  return { ...withoutEncryption(result), ...shownIn(call, place, encryption), uploadId };
}

export async function uploadPart(call: Call, asked: Part): Promise<StorageResult<'UploadPart'>> {
  const request = withoutSourceKey(call, asked);
  const place = enter(call, 'write', request.bucket, request.key);
  return await writePart(call, place, request, await continueUpload(call, place, request));
}

async function writePart(
  call: Call,
  place: Place,
  request: Part,
  upload: UploadUnderWay,
): Promise<StorageResult<'UploadPart'>> {
  return upload.kind === 'remote'
    ? await partAtStore(call, place, request, upload.claim)
    : await partSealed(call, place, request, upload.state);
}

/** A native part copy where the store's copies are trusted; else the range is read and written through. */
export async function uploadPartCopy(call: Call, asked: PartCopy): Promise<StorageResult<'UploadPartCopy'>> {
  const request = withoutSourceKey(call, asked);
  const from = enter(call, 'read', request.source.bucket, request.source.key);
  const to = enter(call, 'write', request.bucket, request.key);
  const upload = await continueUpload(call, to, request);
  const claim = upload.kind === 'remote' ? upload.claim : undefined;
  const expected = claim?.expected;
  const encrypts = expected !== undefined && expected.kind !== 'none' && expected.kind !== 'unspecified';
  if (
    claim !== undefined &&
    expected !== undefined &&
    !joinsParts(call, to) &&
    copiesNatively(from, to, { encryption: encrypts ? expected : undefined })
  ) {
    checkPartCustomerKey(customerOf(claim), request.customerKey);
    demandPartChecksum(createdWith(claim), request);
    assertBelieved(call, to, request.operation, expected.kind);
    await demandCopyableAtStore(call, from, request);
    const source = { ...request.source, bucket: from.storeBucket };
    const result = await to.backend.execute(
      { ...request, bucket: to.storeBucket, source, uploadId: claim.storeUploadId },
      call.context,
    );
    attestPart(call, to, { operation: 'UploadPartCopy', key: request.key, expected, observed: result.encryption });
    return { ...withoutEncryption(result), ...shownIn(call, to, result.encryption) };
  }
  const read: StorageRequest<'GetObject'> = {
    operation: 'GetObject',
    ...request.source,
    conditions: request.sourceConditions,
    checksumMode: false,
    overrides: {},
    ...(request.sourceCustomerKey === undefined ? {} : { customerKey: request.sourceCustomerKey }),
    ...(request.sourceRange === undefined ? {} : { range: { kind: 'from', ...request.sourceRange } }),
  };
  const judge = (metadata: ObjectMetadata): void => demandCopyable(call, request, metadata);
  return await withCopySource(call, from, read, judge, async ({ size, content: { bytes, length } }) => {
    demandRangeWithin(request, size);
    const { operation: _operation, ...part } = request;
    const algorithm = to.backend.capabilities.checksumHeaders ? claim?.checksumAlgorithm : undefined;
    const plain = { bytes, length };
    const body = algorithm === undefined ? plain : await withChecksum(plain, algorithm);
    const result = await writePart(call, to, { operation: 'UploadPart', ...part, body }, upload);
    return { ...result, lastModified: call.services.now() };
  });
}

/** S3 never shortens a part's range to what there is. */
function demandRangeWithin({ sourceRange }: PartCopy, size: number): void {
  if (sourceRange !== undefined && sourceRange.last >= size)
    throw new GatewayError('InvalidArgument', `Range specified is not valid for source object of size: ${size}`);
}

export async function completeMultipartUpload(
  call: Call,
  asked: Complete,
): Promise<StorageResult<'CompleteMultipartUpload'>> {
  const request = withoutSourceKey(call, asked);
  const place = enter(call, 'write', request.bucket, request.key);
  if (place.backend.sealed !== undefined) {
    const result = await completeSealedUpload(call, place, place.backend.sealed, request);
    recordOutcome(call, request.operation, result.encryption);
    const answer = { ...withoutEncryption(result), ...shownIn(call, place, result.encryption) };
    return knownTo(call, place, request, { answer, guard: guardOf(place, result.encryption) });
  }
  const answer = await completeAtStore(call, place, request);
  return knownTo(call, place, request, { answer, guard: guardOf(place, answer.encryption) });
}

/** Whoever completes, or completes again, need not have written the parts: their digests are for readers. */
function knownTo(
  call: Call,
  place: Place,
  { key, customerKey }: Complete,
  { answer, guard }: { readonly answer: StorageResult<'CompleteMultipartUpload'>; readonly guard: Guard },
): StorageResult<'CompleteMultipartUpload'> {
  return mayKnowDigests(call, place, { key, guard, customerKey }) ? answer : withoutDigests(answer);
}

export async function abortMultipartUpload(
  call: Call,
  request: StorageRequest<'AbortMultipartUpload'>,
): Promise<object> {
  const place = enter(call, 'write', request.bucket, request.key);
  return place.backend.sealed === undefined
    ? await abortAtStore(call, place, request)
    : await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context);
}

export async function listParts(call: Call, request: StorageRequest<'ListParts'>): Promise<StorageResult<'ListParts'>> {
  const place = enter(call, 'write', request.bucket, request.key);
  const upload = await continueUpload(call, place, request);
  const { customerKey } = request;
  if (upload.kind === 'remote') {
    if (customerKey !== undefined) checkPartCustomerKey(customerOf(upload.claim), customerKey);
    const list = await listPartsAtStore(call, place, request, upload.claim);
    const { expected } = upload.claim;
    return partsKnownTo(call, place, request, { list, guard: expected.kind === 'customer' ? expected : OPEN });
  }
  const { seal } = upload.state;
  if (customerKey !== undefined) checkPartCustomerKey(seal, customerKey);
  const list = await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context);
  return partsKnownTo(call, place, request, { list, guard: seal === undefined ? OPEN : guardOfSeal(seal) });
}

const OPEN: Guard = { kind: 'open' };

function partsKnownTo(
  call: Call,
  place: Place,
  { key, customerKey }: StorageRequest<'ListParts'>,
  { list, guard }: { readonly list: StorageResult<'ListParts'>; readonly guard: Guard },
): StorageResult<'ListParts'> {
  return mayKnowDigests(call, place, { key, guard, customerKey }) ? list : withoutPartDigests(list);
}

/** A replica never lies under a customer's key: the source's own, repeated on parts, goes no further than here. */
function withoutSourceKey<R extends Part | PartCopy | Complete>(call: Call, request: R): R {
  return call.client.principal.replicator ? { ...request, customerKey: undefined } : request;
}

async function partSealed(
  call: Call,
  place: Place,
  request: Part,
  state: UploadState,
): Promise<StorageResult<'UploadPart'>> {
  await demandRepeatedWish(call, place, request, begunAs(state));
  demandRepeatedMetadata(request.repeatedMetadata, state.metadata);
  checkPartCustomerKey(state.seal, request.customerKey);
  demandPartChecksum(state.checksum, request);
  const { algorithm } = state.checksum;
  await using content =
    state.seal === undefined
      ? await unsealed(call, place, request.body, algorithm)
      : prepared(
          await sealPart({
            header: state.seal,
            body: request.body,
            bucket: place.storeBucket,
            ...(algorithm === undefined ? {} : { checksumAlgorithm: algorithm }),
            partNumber: request.partNumber,
            crc64: call.dialect.traits.crc64,
            keyring: call.snapshot.keyring,
            customerKey: request.customerKey,
            randomBytes: call.services.randomBytes,
          }),
        );
  const result = await place.backend.execute(
    { ...request, bucket: place.storeBucket, content: content.content },
    call.context,
  );
  return { ...withoutEncryption(result), encryption: shown(call, place, state.encryption) };
}
