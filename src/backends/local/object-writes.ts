import type { CallContext } from '../../model/backend.ts';
import { GatewayError } from '../../model/errors.ts';
import { isWiderThanPrivate, type AskedAcl } from '../../model/objects.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import type { Content, ContentRecord } from '../../model/seal.ts';
import { judgeWrite } from './conditions.ts';
import type { StagedFile } from './data-files.ts';
import { digestsOf, manifestOf } from './digests.ts';
import { internalError } from './failures.ts';
import { keyBytes, requireCurrent } from './keys.ts';
import {
  dropObject,
  findObject,
  insertFile,
  replaceObject,
  requireBucket,
  requireObject,
  updateObject,
} from './object-rows.ts';
import { extentsHash } from './row-columns.ts';
import type { StoredFile, StoredObject } from './object-rows.ts';
import { protectionOf, requireSealFor } from './protection.ts';
import { commit, commitStaged, putSeal } from './room.ts';
import type { Room } from './room.ts';

/** Writes an object whole: nobody sees any of it before all of it is durable. */
export async function putObject(
  room: Room,
  request: StorageRequest<'PutObject'>,
  context: CallContext,
): Promise<StorageResult<'PutObject'>> {
  const key = keyBytes(request.key);
  requirePrivate(request.acl);
  requireBucket(room, request.bucket);
  // Judged twice: here to spare the client its body, and again where it counts, inside the commit.
  judgeWrite(request, () => currentOf(room, request.bucket, key));
  const content = requireContent(request.content);
  const staged = await room.files.write(content.bytes, context.signal);
  const { record, object, file } = await describing(staged, () => {
    const done = finishContent(content, staged);
    return { record: done, ...describe(room, request, key, done, staged) };
  });
  await commitStaged(room, staged, () => {
    requireBucket(room, request.bucket);
    judgeWrite(request, () => currentOf(room, request.bucket, key));
    replaceObject(room, object);
    insertFile(room, file);
    if (record.seal !== undefined) putSeal(room, object.oid, record.seal);
  });
  return written(object);
}

export async function deleteObject(
  room: Room,
  request: StorageRequest<'DeleteObject'>,
): Promise<StorageResult<'DeleteObject'>> {
  requireCurrent(request);
  const key = Buffer.from(request.key, 'utf8');
  await commit(room, () => {
    requireBucket(room, request.bucket);
    dropObject(room, request.bucket, key);
  });
  return request.versionId === undefined ? {} : { versionId: request.versionId };
}

/** One commit for all keys. */
export async function deleteObjects(
  room: Room,
  request: StorageRequest<'DeleteObjects'>,
): Promise<StorageResult<'DeleteObjects'>> {
  type Result = StorageResult<'DeleteObjects'>;
  const deleted: Result['deleted'][number][] = [];
  const errors: Result['errors'][number][] = [];
  for (const object of request.objects) {
    try {
      requireCurrent(object);
      deleted.push(object);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      errors.push({ key: object.key, code: error.code, message: error.message });
    }
  }
  await commit(room, () => {
    requireBucket(room, request.bucket);
    for (const { key } of deleted) dropObject(room, request.bucket, Buffer.from(key, 'utf8'));
  });
  return { deleted, errors };
}

/** Sets or, with an empty set, removes an object's tags. */
export async function putTags(
  room: Room,
  request: { readonly bucket: string; readonly key: string; readonly versionId?: string },
  tags: Readonly<Record<string, string>>,
): Promise<{ readonly versionId?: string }> {
  requireCurrent(request);
  const key = Buffer.from(request.key, 'utf8');
  await commit(room, () => {
    updateObject(room, { ...requireObject(room, request.bucket, key), tags });
  });
  return request.versionId === undefined ? {} : { versionId: request.versionId };
}

/** Buckets and objects here are private. A wish for anything else is refused: silence would look like consent. */
export function requirePrivate(acl: AskedAcl | undefined): void {
  if (acl !== undefined && isWiderThanPrivate(acl))
    throw new GatewayError(
      'AccessControlListNotSupported',
      `The bucket does not allow ACLs: everything in it is private, and ${acl} is not available.`,
    );
}

/** What stands at a key, for conditions. */
export function currentOf(
  room: Room,
  bucket: string,
  key: Buffer,
): { readonly etag: string; readonly modified: number } | undefined {
  const found = findObject(room, bucket, key);
  return found && { etag: found.digests.etag, modified: found.modified };
}

export function requireContent(content: Content | undefined): Content {
  if (content === undefined) throw internalError('a write without content');
  return content;
}

/** Runs what may still fail between the file and its row; then the file goes. */
export async function describing<T>(staged: StagedFile, work: () => T): Promise<T> {
  try {
    return work();
  } catch (error) {
    await staged.discard();
    throw error;
  }
}

/** The record of content that has gone by, checked against what lies on disk. */
export function finishContent(content: Content, staged: StagedFile): ContentRecord {
  if (content.length !== undefined && content.length !== staged.length)
    throw new GatewayError('IncompleteBody', 'The request body terminated unexpectedly.');
  const record = content.finish();
  const part = record.part ?? record.seal?.parts.at(-1);
  const expected = part?.ciphertextLength ?? record.digests.size;
  if (expected !== staged.length || (part !== undefined && part.plaintextLength !== record.digests.size))
    throw internalError('the content is not as long as its record says');
  return record;
}

export function written(object: StoredObject): StorageResult<'PutObject'> {
  const { etag, checksum, crc64 } = object.digests;
  return { etag, encryption: object.encryption, ...(checksum && { checksum }), ...(crc64 !== undefined && { crc64 }) };
}

function describe(
  room: Room,
  request: StorageRequest<'PutObject'>,
  key: Buffer,
  record: ContentRecord,
  staged: StagedFile,
): { readonly object: StoredObject; readonly file: StoredFile } {
  const { seal } = record;
  if (seal !== undefined) {
    requireSealFor(request.bucket, seal);
    if (seal.parts.length !== 1 || seal.size !== record.digests.size)
      throw internalError('the seal of a put has one part');
  }
  const modified = room.now();
  const oid = seal?.oid ?? room.randomBytes(16).toString('hex');
  const [part] = seal?.parts ?? [];
  const file: StoredFile = {
    id: staged.id,
    oid,
    number: part?.number ?? 1,
    attempt: part?.attempt ?? staged.id,
    size: record.digests.size,
    length: staged.length,
    modified,
    digests: digestsOf(record),
    sealed: part,
  };
  const object: StoredObject = {
    bucket: request.bucket,
    key,
    oid,
    size: file.size,
    modified,
    type: 'Normal',
    storageClass: request.storageClass ?? 'STANDARD',
    encryption: protectionOf(seal, request.encryption),
    digests: { ...digestsOf(record), ...manifestOf(seal), extents: extentsHash([file]) },
    metadata: request.metadata,
    tags: request.tags ?? {},
  };
  return { object, file };
}
