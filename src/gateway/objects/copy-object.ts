import { GatewayError } from '../../model/errors.ts';
import type { ObjectMetadata } from '../../model/objects.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { enter, type Call, type Place } from '../call/call.ts';
import { demandCopyable, demandCopyableAtStore } from './copy-refusal.ts';
import { assertBelieved, protectWrite, type Protection } from '../decide/decide-write.ts';
import { withCopySource, type CopySourceObject } from './copy-source.ts';
import { withChecksum } from '../uploads/part-checksum.ts';
import { withoutEncryption } from '../answer/shown.ts';
import { notKept } from '../uploads/upload-checksum.ts';
import { attested, encryptionOf, writeObject } from './write-object.ts';

type Copy = StorageRequest<'CopyObject'>;
type CopyResult = StorageResult<'CopyObject'>;

/** AWS: a single copy moves at most 5 GiB; larger objects go by UploadPartCopy. */
const COPY_LIMIT = 5 * 1024 ** 3;

/** The source is read as a GET would be, the target decided as a put; encryption is never inherited. */
export async function copyObject(call: Call, request: Copy): Promise<CopyResult> {
  const from = enter(call, 'read', request.source.bucket, request.source.key);
  const to = enter(call, 'write', request.bucket, request.key);
  await demandChange(call, to, request);
  if (request.checksumAlgorithm !== undefined && !to.backend.capabilities.checksumHeaders)
    throw notKept(request.checksumAlgorithm);
  const protection = await protectWrite(call, to, request);
  const result = copiesNatively(from, to, protection)
    ? await copyAtStore(call, { from, to, request, protection })
    : await copyThrough(call, { from, to, request, protection });
  return result;
}

/** A store copies by itself only where its copies are encrypted as told (Ceph answers 200 and stores plaintext). */
export function copiesNatively(from: Place, to: Place, protection: { readonly encryption: unknown }): boolean {
  if (from.backend !== to.backend || to.backend.capabilities.seals) return false;
  return to.backend.capabilities.copyWithEncryption || protection.encryption === undefined;
}

interface CopyTask {
  readonly from: Place;
  readonly to: Place;
  readonly request: Copy;
  readonly protection: Protection;
}

async function copyAtStore(call: Call, { from, to, request, protection }: CopyTask): Promise<CopyResult> {
  demandConditionalCopy(to, request);
  await demandCopyableAtStore(call, from, request);
  const result = await to.backend.execute(
    {
      ...request,
      bucket: to.storeBucket,
      source: { ...request.source, bucket: from.storeBucket },
      ...encryptionOf(protection),
    },
    call.context,
  );
  return { ...withoutEncryption(result), ...(await attested(call, to, protection, request, result)) };
}

/** A condition that the store ignores would be a protection that is dropped; a copy through the gateway ends in a Put, which has them. */
function demandConditionalCopy({ bucket, backend }: Place, { conditions, forbidOverwrite }: Copy): void {
  const conditional = forbidOverwrite === true || Object.keys(conditions).length > 0;
  if (conditional && !backend.capabilities.conditionalCopy)
    throw new GatewayError(
      'NotImplemented',
      `The store of ${bucket} does not honour conditions on the target of a copy; nothing was copied.`,
    );
}

async function copyThrough(call: Call, { from, to, request, protection }: CopyTask): Promise<CopyResult> {
  assertBelieved(call, to, 'PutObject', protection.encryption?.kind);
  const judge = (metadata: ObjectMetadata): void => demandCopyable(call, request, metadata);
  return await withCopySource(call, from, sourceRead(request), judge, (source) =>
    writeCopy(call, { from, to, request, protection }, source),
  );
}

async function writeCopy(
  call: Call,
  { from, to, request, protection }: CopyTask,
  source: CopySourceObject,
): Promise<CopyResult> {
  if (source.size > COPY_LIMIT)
    throw new GatewayError(
      'InvalidRequest',
      'The specified copy source is larger than the maximum allowable size for a copy source: 5368709120',
    );
  const tags =
    request.taggingDirective === 'REPLACE' ? request.tags : await tagsOf(call, from, request, source.tagCount);
  const put: StorageRequest<'PutObject'> = {
    operation: 'PutObject',
    bucket: to.storeBucket,
    key: request.key,
    wish: request.wish,
    metadata: request.metadataDirective === 'COPY' ? copied(source.metadata, request.metadata) : request.metadata,
    conditions: request.conditions,
    body: { bytes: source.content.bytes, length: source.content.length },
    ...(tags === undefined || Object.keys(tags).length === 0 ? {} : { tags }),
    ...(request.storageClass === undefined ? {} : { storageClass: request.storageClass }),
    ...(request.acl === undefined ? {} : { acl: request.acl }),
    ...(request.forbidOverwrite === undefined ? {} : { forbidOverwrite: request.forbidOverwrite }),
  };
  const checksum = request.checksumAlgorithm ?? source.checksum?.algorithm;
  const write = async (from: typeof put): Promise<CopyResult> => ({
    ...(await writeObject(call, to, protection, from, checksum)),
    lastModified: call.services.now(),
  });
  if (request.checksumAlgorithm === undefined || to.backend.capabilities.seals) return await write(put);
  // A store wants the value in the head: the bytes are held until it is known.
  const summed = await withChecksum(put.body, request.checksumAlgorithm);
  const held = await call.services.spool.hold(summed.bytes);
  try {
    return await write({ ...put, body: { ...summed, bytes: held.bytes, length: held.length } });
  } finally {
    await held.discard();
  }
}

/** AWS: everything of the source's but the redirect, which is never copied and may always be named. */
function copied(source: Copy['metadata'], named: Copy['metadata']): Copy['metadata'] {
  const { websiteRedirect: _own, ...rest } = source;
  return named.websiteRedirect === undefined ? rest : { ...rest, websiteRedirect: named.websiteRedirect };
}

/** The source as a GET of this client: its conditions fail a copy with 412, never with 304. */
function sourceRead(request: Copy): StorageRequest<'GetObject'> {
  return {
    operation: 'GetObject',
    ...request.source,
    conditions: request.sourceConditions,
    checksumMode: true,
    overrides: {},
    ...(request.sourceCustomerKey === undefined ? {} : { customerKey: request.sourceCustomerKey }),
  };
}

async function tagsOf(call: Call, from: Place, request: Copy, tagCount: number | undefined): Promise<Copy['tags']> {
  if (tagCount === undefined || tagCount === 0 || !from.backend.capabilities.tagging) return undefined;
  const { tags } = await from.backend.execute(
    { operation: 'GetObjectTagging', ...request.source, bucket: from.storeBucket },
    call.context,
  );
  return tags;
}

/** AWS refuses a copy onto itself that changes nothing; naming an encryption, or a bucket with a default, is a change. */
async function demandChange(call: Call, to: Place, request: Copy): Promise<void> {
  const same =
    request.source.bucket === request.bucket &&
    request.source.key === request.key &&
    request.source.versionId === undefined;
  if (
    !same ||
    !call.dialect.traits.selfCopyNeedsChange ||
    request.metadataDirective === 'REPLACE' ||
    request.taggingDirective === 'REPLACE'
  )
    return;
  if (request.wish.state !== 'absent' || request.storageClass !== undefined) return;
  if (
    !to.backend.capabilities.seals ||
    !call.snapshot.policy.delegates(request.bucket, request.key, call.services.now())
  )
    return;
  const { rule } = await to.backend.execute({ operation: 'GetBucketEncryption', bucket: to.storeBucket }, call.context);
  if (rule === undefined)
    throw new GatewayError(
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
}
