import { GatewayError } from '../../model/errors.ts';
import type { ObjectMetadata, ObjectType, StorageClass, Tags } from '../../model/objects.ts';
import type { SealedPart, SealRecord } from '../../model/seal.ts';
import { openDigests, sealDigests } from './digests.ts';
import type { StoredDigests } from './digests.ts';
import { internalError } from './failures.ts';
import { bytes, integer, optionalText, text } from './index-database.ts';
import type { Row } from './index-database.ts';
import { requireAgreement } from './protection.ts';
import type { StoredEncryption } from './protection.ts';
import type { Room } from './room.ts';
import { bindingOf } from './row-binding.ts';
import type { Columns } from './row-binding.ts';
import { columnsOf, extentsHash, FILES, insertInto, OBJECTS, valuesOf } from './row-columns.ts';

/** An object as the index has it. */
export interface StoredObject {
  readonly bucket: string;
  readonly key: Buffer;
  readonly oid: string;
  readonly size: number;
  readonly modified: number;
  readonly type: ObjectType;
  readonly storageClass: StorageClass;
  readonly encryption: StoredEncryption;
  readonly digests: StoredDigests;
  readonly metadata: ObjectMetadata;
  readonly tags: Tags;
}

/** One file of a generation. `size` is the plaintext's, `length` the file's. */
export interface StoredFile {
  readonly id: string;
  readonly oid: string;
  readonly number: number;
  readonly attempt: string;
  readonly size: number;
  readonly length: number;
  readonly modified: number;
  readonly digests: StoredDigests;
  readonly sealed: SealedPart | undefined;
}

/** All of a row, since all of it is bound. */
export const OBJECT_COLUMNS = columnsOf(OBJECTS);
const FILE_COLUMNS = columnsOf(FILES);

export function findObject(room: Room, bucket: string, key: Buffer): StoredObject | undefined {
  const row = room.index.get(`SELECT ${OBJECT_COLUMNS} FROM objects WHERE bucket = ? AND key = ?`, bucket, key);
  return row && objectOf(room, row);
}

/** The object that a request names, or why there is none. */
export function requireObject(room: Room, bucket: string, key: Buffer): StoredObject {
  requireBucket(room, bucket);
  const found = findObject(room, bucket, key);
  if (found === undefined)
    throw new GatewayError('NoSuchKey', 'The specified key does not exist.', { details: { Key: key.toString() } });
  return found;
}

export function requireBucket(room: Room, bucket: string): Row {
  const row = room.index.get('SELECT * FROM buckets WHERE name = ?', bucket);
  if (row === undefined)
    throw new GatewayError('NoSuchBucket', 'The specified bucket does not exist.', { details: { BucketName: bucket } });
  return row;
}

/** Throws where the row is not authentic. */
export function objectOf(room: Room, row: Row): StoredObject {
  const oid = text(row, 'oid');
  return {
    bucket: text(row, 'bucket'),
    key: bytes(row, 'key'),
    oid,
    size: integer(row, 'size'),
    modified: integer(row, 'modified'),
    type: text(row, 'type') as ObjectType,
    storageClass: text(row, 'class') as StorageClass,
    encryption: JSON.parse(text(row, 'encryption')) as StoredEncryption,
    digests: openDigests(room, bytes(row, 'digests'), bindingOf(OBJECTS.name, OBJECTS.bound, row)),
    metadata: JSON.parse(text(row, 'metadata')) as ObjectMetadata,
    tags: JSON.parse(text(row, 'tags')) as Tags,
  };
}

/** Puts an object where another may be; the old generation's files become garbage. Only within a commit. */
export function replaceObject(room: Room, object: StoredObject): void {
  dropObject(room, object.bucket, object.key);
  const columns = objectColumns(object);
  room.index.run(insertInto(OBJECTS), ...valuesOf(OBJECTS, columns, sealObject(room, object, columns)));
}

/** Writes what changes in the life of a generation. Only within a commit. */
export function updateObject(room: Room, object: StoredObject): void {
  const columns = objectColumns(object);
  room.index.run(
    'UPDATE objects SET size = ?, modified = ?, tags = ?, digests = ? WHERE oid = ?',
    object.size,
    object.modified,
    JSON.stringify(object.tags),
    sealObject(room, object, columns),
    object.oid,
  );
}

function objectColumns(object: StoredObject): Columns {
  return {
    bucket: object.bucket,
    key: object.key,
    oid: object.oid,
    size: object.size,
    modified: object.modified,
    type: object.type,
    class: object.storageClass,
    encryption: JSON.stringify(object.encryption),
    metadata: JSON.stringify(object.metadata),
    tags: JSON.stringify(object.tags),
  };
}

function sealObject(room: Room, object: StoredObject, columns: Columns): Buffer {
  return sealDigests(room, object.digests, bindingOf(OBJECTS.name, OBJECTS.bound, columns));
}

/** Only within a commit. */
export function dropObject(room: Room, bucket: string, key: Buffer): void {
  const row = room.index.get('SELECT oid FROM objects WHERE bucket = ? AND key = ?', bucket, key);
  if (row === undefined) return;
  const oid = text(row, 'oid');
  room.index.run('DELETE FROM objects WHERE oid = ?', oid);
  dropGeneration(room, oid);
}

/** Makes all files of a generation garbage and forgets its seal. Only within a commit. */
export function dropGeneration(room: Room, oid: string): void {
  room.index.run('INSERT OR IGNORE INTO garbage SELECT id FROM files WHERE oid = ?', oid);
  room.index.run('DELETE FROM files WHERE oid = ?', oid);
  room.index.run('DELETE FROM seals WHERE oid = ?', oid);
}

/** Only within a commit. */
export function dropFile(room: Room, id: string): void {
  room.index.run('INSERT OR IGNORE INTO garbage (id) VALUES (?)', id);
  room.index.run('DELETE FROM files WHERE id = ?', id);
}

/** Only within a commit. */
export function insertFile(room: Room, file: StoredFile): void {
  const columns: Columns = {
    id: file.id,
    oid: file.oid,
    number: file.number,
    attempt: file.attempt,
    size: file.size,
    length: file.length,
    modified: file.modified,
    sealed: file.sealed === undefined ? null : JSON.stringify(file.sealed),
  };
  const digests = sealDigests(room, file.digests, bindingOf(FILES.name, FILES.bound, columns));
  room.index.run(insertInto(FILES), ...valuesOf(FILES, columns, digests));
}

/** Files of a generation in part order, after part number `after`. */
export function filesOf(room: Room, oid: string, after = -1, limit = -1): readonly StoredFile[] {
  const sql = `SELECT ${FILE_COLUMNS} FROM files WHERE oid = ? AND number > ? ORDER BY number LIMIT ?`;
  return room.index.all(sql, oid, after, limit).map((row) => fileOf(room, row));
}

export type Extent = Pick<StoredFile, 'id' | 'number' | 'attempt' | 'size' | 'length'>;

/** What reading needs of an object's files: nothing sealed is opened for it, since the object's row is bound to them. */
export function extentsOf(room: Room, object: Pick<StoredObject, 'oid' | 'digests'>): readonly Extent[] {
  const extents = room.index
    .all('SELECT id, number, attempt, size, length FROM files WHERE oid = ? ORDER BY number', object.oid)
    .map((row) => ({
      id: text(row, 'id'),
      number: integer(row, 'number'),
      attempt: text(row, 'attempt'),
      size: integer(row, 'size'),
      length: integer(row, 'length'),
    }));
  if (extentsHash(extents) !== object.digests.extents) throw internalError('the files are not those of the object');
  return extents;
}

export function sealOf(room: Room, oid: string): SealRecord | undefined {
  const row = room.index.get('SELECT record FROM seals WHERE oid = ?', oid);
  const record = row && (JSON.parse(text(row, 'record')) as SealRecord);
  if (record !== undefined && record.oid !== oid) throw internalError('the seal is that of another generation');
  return record;
}

/**
 * The seal that the object's row was written with. Every record has been authentic once, so only the row, which names
 * the newest manifest, can tell that somebody has put an older one back; and what a reader is told of the encryption
 * before any data key is there rests on the row as well.
 */
export function objectSeal(room: Room, object: StoredObject): SealRecord | undefined {
  const record = sealOf(room, object.oid);
  requireAgreement(record, object);
  if (record?.mac !== object.digests.manifestMac || (record !== undefined && record.size !== object.size))
    throw internalError('the seal is not the one that the index names');
  return record;
}

function fileOf(room: Room, row: Row): StoredFile {
  const [id, oid, sealed] = [text(row, 'id'), text(row, 'oid'), optionalText(row, 'sealed')];
  return {
    id,
    oid,
    number: integer(row, 'number'),
    attempt: text(row, 'attempt'),
    size: integer(row, 'size'),
    length: integer(row, 'length'),
    modified: integer(row, 'modified'),
    digests: openDigests(room, bytes(row, 'digests'), bindingOf(FILES.name, FILES.bound, row)),
    sealed: sealed === undefined ? undefined : (JSON.parse(sealed) as SealedPart),
  };
}
