import type { ChecksumAlgorithm, ChecksumType } from '../../model/body.ts';
import { GatewayError } from '../../model/errors.ts';
import type { ObjectMetadata, StorageClass, Tags } from '../../model/objects.ts';
import { bytes, integer, text } from './index-database.ts';
import type { Row } from './index-database.ts';
import { requireBucket } from './object-rows.ts';
import type { StoredEncryption } from './protection.ts';
import type { Room } from './room.ts';

/** An upload under way. `oid` will be the object's. */
export interface StoredUpload {
  readonly id: string;
  readonly bucket: string;
  readonly key: Buffer;
  readonly oid: string;
  readonly initiated: number;
  readonly storageClass: StorageClass;
  readonly encryption: StoredEncryption;
  readonly checksum: { readonly algorithm?: ChecksumAlgorithm; readonly type?: ChecksumType };
  readonly metadata: ObjectMetadata;
  readonly tags: Tags;
}

export const UPLOAD_COLUMNS = 'id, bucket, key, oid, initiated, class, encryption, checksum, metadata, tags';

/** The upload under that id, if it is this key's. */
export function findUpload(room: Room, bucket: string, key: string, id: string): StoredUpload | undefined {
  const row = room.index.get(
    `SELECT ${UPLOAD_COLUMNS} FROM uploads WHERE id = ? AND bucket = ? AND key = ?`,
    id,
    bucket,
    Buffer.from(key, 'utf8'),
  );
  return row && uploadOf(row);
}

export function requireUpload(
  room: Room,
  request: { readonly bucket: string; readonly key: string; readonly uploadId: string },
): StoredUpload {
  requireBucket(room, request.bucket);
  const found = findUpload(room, request.bucket, request.key, request.uploadId);
  if (found === undefined) throw noSuchUpload(request.uploadId);
  return found;
}

export function noSuchUpload(uploadId: string): GatewayError {
  return new GatewayError(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
    { details: { UploadId: uploadId } },
  );
}

/** Only within a commit. */
export function insertUpload(room: Room, upload: StoredUpload): void {
  room.index.run(
    `INSERT INTO uploads (${UPLOAD_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    upload.id,
    upload.bucket,
    upload.key,
    upload.oid,
    upload.initiated,
    upload.storageClass,
    JSON.stringify(upload.encryption),
    JSON.stringify(upload.checksum),
    JSON.stringify(upload.metadata),
    JSON.stringify(upload.tags),
  );
}

export function uploadOf(row: Row): StoredUpload {
  return {
    id: text(row, 'id'),
    bucket: text(row, 'bucket'),
    key: bytes(row, 'key'),
    oid: text(row, 'oid'),
    initiated: integer(row, 'initiated'),
    storageClass: text(row, 'class') as StorageClass,
    encryption: JSON.parse(text(row, 'encryption')) as StoredEncryption,
    checksum: JSON.parse(text(row, 'checksum')) as StoredUpload['checksum'],
    metadata: JSON.parse(text(row, 'metadata')) as ObjectMetadata,
    tags: JSON.parse(text(row, 'tags')) as Tags,
  };
}
