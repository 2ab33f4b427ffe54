import { GatewayError } from '../../model/errors.ts';
import type { ObjectMetadata, ObjectType, StorageClass, Tags } from '../../model/objects.ts';
import type { SealedPart, SealRecord } from '../../model/seal.ts';
import { openDigests, partContext, sealDigests } from './digests.ts';
import type { StoredDigests } from './digests.ts';
import { internalError } from './failures.ts';
import { bytes, integer, optionalText, text } from './index-database.ts';
import type { Row } from './index-database.ts';
import type { StoredEncryption } from './protection.ts';
import type { Room } from './room.ts';

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

const OBJECT_COLUMNS = 'bucket, key, oid, size, modified, type, class, encryption, digests, metadata, tags' as const;
const FILE_COLUMNS = 'id, oid, number, attempt, size, length, modified, digests, sealed';

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

function objectOf(room: Room, row: Row): StoredObject {
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
    digests: openDigests(room, bytes(row, 'digests'), oid),
    metadata: JSON.parse(text(row, 'metadata')) as ObjectMetadata,
    tags: JSON.parse(text(row, 'tags')) as Tags,
  };
}

/** Puts an object where another may be; the old generation's files become garbage. Only within a commit. */
export function replaceObject(room: Room, object: StoredObject): void {
  dropObject(room, object.bucket, object.key);
  room.index.run(
    `INSERT INTO objects (${OBJECT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    object.bucket,
    object.key,
    object.oid,
    object.size,
    object.modified,
    object.type,
    object.storageClass,
    JSON.stringify(object.encryption),
    sealDigests(room, object.digests, object.oid),
    JSON.stringify(object.metadata),
    JSON.stringify(object.tags),
  );
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
  room.index.run(
    `INSERT INTO files (${FILE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    file.id,
    file.oid,
    file.number,
    file.attempt,
    file.size,
    file.length,
    file.modified,
    sealDigests(room, file.digests, partContext(file.oid, file.id)),
    file.sealed === undefined ? null : JSON.stringify(file.sealed),
  );
}

/** Files of a generation in part order, after part number `after`. */
export function filesOf(room: Room, oid: string, after = -1, limit = -1): readonly StoredFile[] {
  const sql = `SELECT ${FILE_COLUMNS} FROM files WHERE oid = ? AND number > ? ORDER BY number LIMIT ?`;
  return room.index.all(sql, oid, after, limit).map((row) => fileOf(room, row));
}

/** What reading needs of a generation's files: nothing sealed is opened for it. */
export function extentsOf(
  room: Room,
  oid: string,
): readonly Pick<StoredFile, 'id' | 'number' | 'attempt' | 'size' | 'length'>[] {
  return room.index
    .all('SELECT id, number, attempt, size, length FROM files WHERE oid = ? ORDER BY number', oid)
    .map((row) => ({
      id: text(row, 'id'),
      number: integer(row, 'number'),
      attempt: text(row, 'attempt'),
      size: integer(row, 'size'),
      length: integer(row, 'length'),
    }));
}

export function sealOf(room: Room, oid: string): SealRecord | undefined {
  const row = room.index.get('SELECT record FROM seals WHERE oid = ?', oid);
  return row && (JSON.parse(text(row, 'record')) as SealRecord);
}

/**
 * The seal that the object's row was written with. Every record has been authentic once, so only the row, which names
 * the newest manifest, can tell that somebody has put an older one back.
 */
export function objectSeal(room: Room, object: Pick<StoredObject, 'oid' | 'digests'>): SealRecord | undefined {
  const record = sealOf(room, object.oid);
  if (record?.mac !== object.digests.manifestMac) throw internalError('the seal is not the one that the index names');
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
    digests: openDigests(room, bytes(row, 'digests'), partContext(oid, id)),
    sealed: sealed === undefined ? undefined : (JSON.parse(sealed) as SealedPart),
  };
}
