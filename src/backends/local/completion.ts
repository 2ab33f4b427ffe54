import { createHash } from 'node:crypto';
import { GatewayError } from '../../model/errors.ts';
import type { CompletedPart } from '../../model/objects.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import type { SealRecord } from '../../model/seal.ts';
import { judgeWrite, plain } from './conditions.ts';
import { manifestOf } from './digests.ts';
import type { StoredDigests } from './digests.ts';
import { internalError } from './failures.ts';
import { bytes } from './index-database.ts';
import { joinDigests } from './multipart-digests.ts';
import { dropFile, filesOf, replaceObject, requireBucket } from './object-rows.ts';
import type { StoredFile } from './object-rows.ts';
import { currentOf, written } from './object-writes.ts';
import { requireSealFor } from './protection.ts';
import { commit, putSeal } from './room.ts';
import type { Room } from './room.ts';
import { bindingOf } from './row-binding.ts';
import type { Columns } from './row-binding.ts';
import { columnsOf, COMPLETED, extentsHash, insertInto, valuesOf } from './row-columns.ts';
import { findUpload, noSuchUpload, uploadSeal } from './upload-rows.ts';
import type { StoredUpload } from './upload-rows.ts';

type Request = StorageRequest<'CompleteMultipartUpload'>;
type Result = StorageResult<'CompleteMultipartUpload'>;

/**
 * Turns the listed parts into the object by giving their rows to it: no byte moves. Of two at once one wins; a repeat
 * with the same parts gets the same answer.
 */
export async function completeUpload(room: Room, request: Request): Promise<Result> {
  const list = listHash(request.parts);
  return commit(room, () => {
    requireBucket(room, request.bucket);
    const upload = findUpload(room, request.bucket, request.key, request.uploadId);
    if (upload === undefined) return repeated(room, request, list);
    const result = join(room, request, upload);
    remember(room, request, list, result);
    return result;
  });
}

function join(room: Room, request: Request, upload: StoredUpload): Result {
  const all = filesOf(room, upload.oid);
  const parts = request.parts === 'all' ? all : chooseParts(request.parts, all);
  if (parts.length === 0) throw invalidPart('no part has been uploaded');
  judgeWrite(request, () => currentOf(room, upload.bucket, upload.key));
  const stored = uploadSeal(room, upload);
  if ((stored === undefined) !== (request.seal === undefined))
    throw internalError('Complete and upload disagree about the seal');
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  const digests = request.seal === undefined ? joinDigests(parts, upload.checksum) : sealedDigests(request.seal);
  judgeChecksum(request, digests);

  const chosen = new Set(parts.map((part) => part.id));
  for (const file of all) if (!chosen.has(file.id)) dropFile(room, file.id);
  room.index.run('DELETE FROM uploads WHERE id = ?', upload.id);
  const object = {
    bucket: upload.bucket,
    key: upload.key,
    oid: upload.oid,
    size,
    modified: room.now(),
    type: 'Multipart',
    storageClass: upload.storageClass,
    encryption: upload.encryption,
    digests: { ...digests, extents: extentsHash(parts) },
    metadata: upload.metadata,
    tags: upload.tags,
  } as const;
  replaceObject(room, object);
  if (request.seal !== undefined && stored !== undefined) {
    requireSameParts(request.seal.record, parts, size, upload);
    // The key may have been wrapped anew since the gateway read the header: the index has the newest wrapping.
    putSeal(room, upload.oid, { ...request.seal.record, wrapped: stored.wrapped });
  }
  return written(object);
}

function chooseParts(listed: readonly CompletedPart[], stored: readonly StoredFile[]): readonly StoredFile[] {
  if (listed.length === 0)
    throw new GatewayError(
      'MalformedXML',
      'The XML you provided was not well-formed or did not validate against our published schema',
    );
  const byNumber = new Map(stored.map((file) => [file.number, file]));
  let previous = 0;
  return listed.map(({ partNumber, etag, checksum, checksumAlgorithm }) => {
    if (partNumber <= previous)
      throw new GatewayError(
        'InvalidPartOrder',
        'The list of parts was not in ascending order. Parts must be ordered by part number.',
      );
    previous = partNumber;
    const file = byNumber.get(partNumber);
    const same = file !== undefined && plain(file.digests.etag) === plain(etag);
    const own = file?.digests.checksum;
    const fitting = checksum === undefined || (own?.value === checksum && own.algorithm === checksumAlgorithm);
    if (!same || !fitting) throw invalidPart(String(partNumber));
    return file;
  });
}

function sealedDigests(seal: NonNullable<Request['seal']>): StoredDigests {
  return {
    etag: seal.etag,
    ...(seal.checksum && { checksum: seal.checksum }),
    ...(seal.crc64 !== undefined && { crc64: seal.crc64 }),
    ...manifestOf(seal.record),
  };
}

/** The gateway read the parts before it made the record: another attempt of a part may have come since. */
function requireSameParts(record: SealRecord, parts: readonly StoredFile[], size: number, upload: StoredUpload): void {
  requireSealFor(upload.bucket, record);
  if (record.oid !== upload.oid || record.uploadId !== upload.id)
    throw internalError('the seal belongs to another upload');
  const same =
    record.size === size &&
    record.parts.length === parts.length &&
    record.parts.every((part, at) => part.number === parts[at]?.number && part.attempt === parts[at].attempt);
  if (!same) throw invalidPart('a part has been uploaded again');
}

function judgeChecksum(request: Request, digests: Pick<StoredDigests, 'checksum'>): void {
  const { checksum } = request;
  if (checksum === undefined) return;
  const found = digests.checksum;
  // Nothing to compare with: the parts came without it, or the algorithm has no checksum of the full object.
  if (found?.algorithm !== checksum.algorithm)
    throw new GatewayError(
      'InvalidRequest',
      `Checksum Type mismatch occurred, expected checksum Type: ${found?.algorithm.toLowerCase() ?? 'null'}, actual checksum Type: ${checksum.algorithm.toLowerCase()}`,
    );
  // A composite value may come with or without its number of parts.
  const values = [found.value, found.value.replace(/-\d+$/, '')];
  if (!values.includes(checksum.value))
    throw new GatewayError(
      'BadDigest',
      `The ${checksum.algorithm} you specified did not match the calculated checksum.`,
    );
}

function invalidPart(which: string): GatewayError {
  return new GatewayError(
    'InvalidPart',
    "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    { details: { PartNumber: which } },
  );
}

/** How long a repeated Complete is answered, ms: longer than any client's retries. */
const REMEMBERED = 24 * 60 * 60 * 1000;

function remember(room: Room, request: Request, list: string, result: Result): void {
  const now = room.now();
  room.index.run('DELETE FROM completed WHERE at < ?', now - REMEMBERED);
  const columns: Columns = {
    upload: request.uploadId,
    bucket: request.bucket,
    key: Buffer.from(request.key, 'utf8'),
    at: now,
  };
  // The list goes in sealed too: ETags tell about plaintexts.
  const answer = room.columns.seal(
    JSON.stringify({ list, result } satisfies Remembered),
    bindingOf(COMPLETED.name, COMPLETED.bound, columns),
  );
  room.index.run(insertInto(COMPLETED), ...valuesOf(COMPLETED, columns, answer));
}

function repeated(room: Room, request: Request, list: string): Result {
  const row = room.index.get(
    `SELECT ${columnsOf(COMPLETED)} FROM completed WHERE upload = ? AND bucket = ? AND key = ?`,
    request.uploadId,
    request.bucket,
    Buffer.from(request.key, 'utf8'),
  );
  if (row === undefined) throw noSuchUpload(request.uploadId);
  const binding = bindingOf(COMPLETED.name, COMPLETED.bound, row);
  const earlier = JSON.parse(room.columns.open(bytes(row, 'answer'), binding)) as Remembered;
  if (earlier.list !== list) throw noSuchUpload(request.uploadId);
  judgeChecksum(request, earlier.result);
  return earlier.result;
}

interface Remembered {
  readonly list: string;
  readonly result: Result;
}

/** Tells a repeat from another list. */
function listHash(parts: Request['parts']): string {
  const text = parts === 'all' ? parts : parts.map(({ partNumber, etag }) => `${partNumber}:${plain(etag)}`).join();
  return createHash('sha256').update(text).digest('hex');
}
