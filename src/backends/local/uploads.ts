import type { CallContext } from '../../model/backend.ts';
import { CHECKSUM_TYPES } from '../../model/body.ts';
import { GatewayError } from '../../model/errors.ts';
import type { UploadInfo } from '../../model/objects.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { judgeWrite } from './conditions.ts';
import { digestsOf } from './digests.ts';
import { internalError } from './failures.ts';
import { bytes, text } from './index-database.ts';
import { takePage, walkKeys } from './key-walk.ts';
import type { KeyScan } from './key-walk.ts';
import { keyBytes } from './keys.ts';
import { dropFile, dropGeneration, insertFile, requireBucket } from './object-rows.ts';
import type { StoredFile } from './object-rows.ts';
import { partPage } from './object-reads.ts';
import { currentOf, describing, finishContent, requireContent, requirePrivate } from './object-writes.ts';
import { begunUnder, protectionOf, requireSealFor } from './protection.ts';
import { commit, commitStaged, putSeal } from './room.ts';
import type { Room } from './room.ts';
import { insertUpload, requireUpload, UPLOAD_COLUMNS, uploadOf } from './upload-rows.ts';
import type { StoredUpload } from './upload-rows.ts';

/** A sealed upload takes the id that its seal names, since the parts' keys are bound to it. */
export async function createUpload(
  room: Room,
  request: StorageRequest<'CreateMultipartUpload'>,
): Promise<StorageResult<'CreateMultipartUpload'>> {
  const key = keyBytes(request.key);
  requirePrivate(request.acl);
  const { seal, checksumAlgorithm, checksumType } = request;
  if (seal !== undefined) requireSealFor(request.bucket, seal);
  const initiated = room.now();
  const id = seal === undefined || seal.uploadId === '' ? mintUploadId(room, initiated) : seal.uploadId;
  if (!UPLOAD_ID.test(id)) throw internalError('an upload id that cannot stand in a query');
  const encryption = protectionOf(seal, request.encryption);
  const upload: StoredUpload = {
    id,
    bucket: request.bucket,
    key,
    oid: seal?.oid ?? room.randomBytes(16).toString('hex'),
    initiated,
    storageClass: request.storageClass ?? 'STANDARD',
    encryption: begunUnder(encryption, request.underBucketRule),
    checksum: checksumAlgorithm
      ? { algorithm: checksumAlgorithm, type: checksumType ?? CHECKSUM_TYPES[checksumAlgorithm][0] }
      : {},
    metadata: request.metadata,
    tags: request.tags ?? {},
  };
  await commit(room, () => {
    requireBucket(room, request.bucket);
    judgeWrite(request, () => currentOf(room, request.bucket, key));
    insertUpload(room, upload);
    if (seal !== undefined) putSeal(room, upload.oid, { ...seal, uploadId: id });
  });
  return { uploadId: id, encryption, ...(upload.checksum.algorithm && { checksum: upload.checksum }) };
}

/** A repeated part number replaces the earlier attempt, whose file becomes garbage. */
export async function uploadPart(
  room: Room,
  request: StorageRequest<'UploadPart'>,
  context: CallContext,
): Promise<StorageResult<'UploadPart'>> {
  const { partNumber } = request;
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > MOST_PART_NUMBERS)
    throw new GatewayError('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive', {
      details: { ArgumentName: 'partNumber', ArgumentValue: partNumber },
    });
  const upload = requireUpload(room, request);
  const content = requireContent(request.content);
  const staged = await room.files.write(content.bytes, context.signal);
  const file = await describing(staged, (): StoredFile => {
    const record = finishContent(content, staged);
    if ((record.part !== undefined) !== (upload.encryption.kind !== 'none') || record.seal !== undefined)
      throw internalError('part and upload disagree about the seal');
    if (record.part !== undefined && record.part.number !== partNumber)
      throw internalError('the sealed part has another number');
    return {
      id: staged.id,
      oid: upload.oid,
      number: partNumber,
      attempt: record.part?.attempt ?? staged.id,
      size: record.digests.size,
      length: staged.length,
      modified: room.now(),
      digests: digestsOf(record),
      sealed: record.part,
    };
  });
  await commitStaged(room, staged, () => {
    // Abort or Complete may have come while the body streamed in.
    requireUpload(room, request);
    const earlier = room.index.get('SELECT id FROM files WHERE oid = ? AND number = ?', file.oid, file.number);
    if (earlier !== undefined) dropFile(room, text(earlier, 'id'));
    insertFile(room, file);
  });
  const { etag, checksum, crc64 } = file.digests;
  return { etag, encryption: upload.encryption, ...(checksum && { checksum }), ...(crc64 !== undefined && { crc64 }) };
}

export async function abortUpload(
  room: Room,
  request: StorageRequest<'AbortMultipartUpload'>,
): Promise<StorageResult<'AbortMultipartUpload'>> {
  await commit(room, () => {
    dropUpload(room, requireUpload(room, request));
  });
  return {};
}

/** Forgets an upload with its parts. Only within a commit. */
export function dropUpload(room: Room, upload: Pick<StoredUpload, 'id' | 'oid'>): void {
  room.index.run('DELETE FROM uploads WHERE id = ?', upload.id);
  dropGeneration(room, upload.oid);
}

/** Aborts what nobody continues any more: uploads that began before `before`, ms since the epoch. */
export async function abortOldUploads(room: Room, before: number, stopped: () => boolean): Promise<void> {
  while (!stopped()) {
    const rows = room.index.all(`SELECT id, oid FROM uploads WHERE initiated < ? LIMIT ?`, before, ABORTED_AT_ONCE);
    if (rows.length === 0) return;
    await commit(room, () => {
      for (const row of rows) dropUpload(room, { id: text(row, 'id'), oid: text(row, 'oid') });
    });
    room.log('info', 'uploads that were too old were aborted', { uploads: rows.length });
  }
}

export function listParts(room: Room, request: StorageRequest<'ListParts'>): StorageResult<'ListParts'> {
  const { oid, storageClass, checksum } = requireUpload(room, request);
  return {
    ...partPage(room, oid, request),
    storageClass,
    ...(checksum.algorithm && { checksumAlgorithm: checksum.algorithm }),
    ...(checksum.type && { checksumType: checksum.type }),
  };
}

/** Uploads by key, then by upload id; ids begin with their time, so that is the order of initiation. */
export function listUploads(
  room: Room,
  request: StorageRequest<'ListMultipartUploads'>,
): StorageResult<'ListMultipartUploads'> {
  requireBucket(room, request.bucket);
  const after = Buffer.from(request.keyMarker, 'utf8');
  // Without a key marker an upload-id marker is ignored (S3 and OSS reference).
  const idMarker = request.keyMarker === '' ? '' : request.uploadIdMarker;
  const entries = walkKeys(uploadScan(room, request.bucket, after, idMarker), {
    prefix: Buffer.from(request.prefix, 'utf8'),
    delimiter: Buffer.from(request.delimiter, 'utf8'),
    after,
    inclusive: idMarker !== '',
  });
  const { page, truncated } = takePage(entries, Math.min(request.maxUploads, MOST_UPLOADS));
  const last = page.at(-1);
  return {
    uploads: page.flatMap((entry) => (entry.kind === 'item' ? [uploadInfo(entry.item)] : [])),
    commonPrefixes: page.flatMap((entry) => (entry.kind === 'prefix' ? [entry.key.toString('utf8')] : [])),
    truncated,
    ...(last && { nextKeyMarker: last.key.toString('utf8') }),
    ...(last?.kind === 'item' && { nextUploadIdMarker: last.item.id }),
  };
}

function uploadScan(room: Room, bucket: string, after: Buffer, idMarker: string): KeyScan<StoredUpload> {
  return function* scan(from, inclusive, until) {
    const sql = `SELECT ${UPLOAD_COLUMNS} FROM uploads WHERE bucket = ? AND key ${inclusive ? '>=' : '>'} ?${
      until === undefined ? '' : ' AND key < ?'
    } ORDER BY key, id`;
    const values = until === undefined ? [bucket, from] : [bucket, from, until];
    for (const row of room.index.each(sql, ...values)) {
      const key = bytes(row, 'key');
      if (idMarker !== '' && key.equals(after) && text(row, 'id') <= idMarker) continue;
      yield { key, item: uploadOf(room, row) };
    }
  };
}

function uploadInfo(upload: StoredUpload): UploadInfo {
  const { id, key, initiated, storageClass } = upload;
  return { key: key.toString('utf8'), uploadId: id, initiated, storageClass };
}

function mintUploadId(room: Room, now: number): string {
  return now.toString(16).padStart(12, '0') + room.randomBytes(10).toString('hex');
}

/** Part numbers and uploads per page, S3 and OSS. */
const MOST_PART_NUMBERS = 10_000;
const MOST_UPLOADS = 1000;
/** An upload may have ten thousand parts: few to a commit, which holds up the event loop. */
const ABORTED_AT_ONCE = 10;
const UPLOAD_ID = /^[A-Za-z0-9._~-]{1,256}$/;
