import type { CallContext } from '../../model/backend.ts';
import { GatewayError } from '../../model/errors.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import type { ContentRecord } from '../../model/seal.ts';
import { judgeWrite } from './conditions.ts';
import type { StagedFile } from './data-files.ts';
import { digestsOf, manifestOf } from './digests.ts';
import { internalError } from './failures.ts';
import { keyBytes } from './keys.ts';
import { joinCrc64 } from './multipart-digests.ts';
import {
  extentsOf,
  findObject,
  insertFile,
  objectSeal,
  replaceObject,
  requireBucket,
  updateObject,
} from './object-rows.ts';
import type { StoredFile, StoredObject } from './object-rows.ts';
import { currentOf, describing, finishContent, requireContent, requirePrivate, written } from './object-writes.ts';
import { begunUnder, protectionOf, requireSealFor } from './protection.ts';
import { commitStaged, putSeal } from './room.ts';
import type { Room } from './room.ts';
import { extentsHash } from './row-columns.ts';

type Request = StorageRequest<'AppendObject'>;

/**
 * Appends one more file to an object, or creates it at position 0. The first append decides metadata and encryption.
 * `content`'s digests are those of the appended bytes; its ETag, and the seal's record, are the whole object's.
 */
export async function appendObject(
  room: Room,
  request: Request,
  context: CallContext,
): Promise<StorageResult<'AppendObject'>> {
  const key = keyBytes(request.key);
  requirePrivate(request.acl);
  requireBucket(room, request.bucket);
  judgeAppend(room, request, key);
  const content = requireContent(request.content);
  const staged = await room.files.write(content.bytes, context.signal);
  const record = await describing(staged, () => finishContent(content, staged));
  const object = await commitStaged(room, staged, () => {
    requireBucket(room, request.bucket);
    // Of two appends at one position the second finds the object longer.
    const found = judgeAppend(room, request, key);
    return found === undefined
      ? create(room, request, key, record, staged)
      : extend(room, request, found, record, staged);
  });
  return { ...written(object), nextPosition: object.size };
}

/** What a client forbids comes first: whatever its position is, it wants no object there. */
function judgeAppend(room: Room, request: Request, key: Buffer): StoredObject | undefined {
  judgeWrite(request, () => currentOf(room, request.bucket, key));
  const found = findObject(room, request.bucket, key);
  requirePosition(request, found);
  return found;
}

function requirePosition(request: Request, found: StoredObject | undefined): void {
  if (found !== undefined && found.type !== 'Appendable')
    throw new GatewayError('ObjectNotAppendable', 'The object is not appendable', {
      details: { ObjectKey: request.key },
    });
  const next = found?.size ?? 0;
  if (request.position !== next) throw notAtEnd(request, next);
}

function notAtEnd(request: Request, next: number): GatewayError {
  // OSS clients read the next position from this error too.
  return new GatewayError('PositionNotEqualToLength', 'Position is not equal to file length', {
    details: { ObjectKey: request.key, nextAppendPosition: next },
  });
}

function create(room: Room, request: Request, key: Buffer, record: ContentRecord, staged: StagedFile): StoredObject {
  const { seal } = record;
  if (seal !== undefined) requireSealFor(request.bucket, seal);
  const oid = seal?.oid ?? room.randomBytes(16).toString('hex');
  const file = fileOf(room, oid, record, staged, 1);
  const object: StoredObject = {
    bucket: request.bucket,
    key,
    oid,
    size: record.digests.size,
    modified: file.modified,
    type: 'Appendable',
    storageClass: request.storageClass ?? 'STANDARD',
    encryption: begunUnder(protectionOf(seal, request.encryption), request.underBucketRule),
    digests: { ...digestsOf(record), ...manifestOf(seal), extents: extentsHash([file]) },
    metadata: request.metadata,
    tags: request.tags ?? {},
  };
  replaceObject(room, object);
  if (seal !== undefined) putSeal(room, object.oid, seal);
  insertFile(room, file);
  return object;
}

function extend(
  room: Room,
  request: Request,
  found: StoredObject,
  record: ContentRecord,
  staged: StagedFile,
): StoredObject {
  const extents = extentsOf(room, found);
  const number = extents.length + 1;
  const size = found.size + record.digests.size;
  const { seal } = record;
  const stored = objectSeal(room, found);
  if ((stored === undefined) !== (seal === undefined)) throw internalError('append and object disagree about the seal');
  if (seal !== undefined && stored !== undefined) {
    requireSealFor(request.bucket, seal);
    // Another append or another object came since the gateway read the record: its manifest would not hold.
    const follows = seal.oid === found.oid && seal.parts.length === number && seal.size === size;
    if (!follows) throw notAtEnd(request, found.size);
    putSeal(room, found.oid, { ...seal, wrapped: stored.wrapped });
  }
  const file = fileOf(room, found.oid, record, staged, number);
  const crc64 = joinCrc64([
    { size: found.size, digests: found.digests },
    { size: record.digests.size, digests: file.digests },
  ]);
  // MD5 and checksums of one append say nothing of the whole.
  const digests = {
    etag: record.etag,
    ...(crc64 !== undefined && { crc64 }),
    ...manifestOf(seal),
    extents: extentsHash([...extents, file]),
  };
  const object: StoredObject = { ...found, size, modified: file.modified, digests };
  updateObject(room, object);
  insertFile(room, file);
  return object;
}

function fileOf(room: Room, oid: string, record: ContentRecord, staged: StagedFile, number: number): StoredFile {
  const part = record.seal?.parts.at(-1);
  if (part !== undefined && part.number !== number) throw internalError('the sealed append has another number');
  return {
    id: staged.id,
    oid,
    number,
    attempt: part?.attempt ?? staged.id,
    size: record.digests.size,
    length: staged.length,
    modified: room.now(),
    digests: digestsOf(record),
    sealed: part,
  };
}
