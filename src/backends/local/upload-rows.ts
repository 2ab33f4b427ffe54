import type { UploadChecksum } from '../../model/body.ts';
import { GatewayError } from '../../model/errors.ts';
import type { ObjectMetadata, StorageClass, Tags } from '../../model/objects.ts';
import type { SealHeader } from '../../model/seal.ts';
import { bytes, integer, text } from './index-database.ts';
import type { Row } from './index-database.ts';
import { requireBucket, sealOf } from './object-rows.ts';
import { requireAgreement } from './protection.ts';
import type { StoredEncryption } from './protection.ts';
import type { Room } from './room.ts';
import { bindingOf } from './row-binding.ts';
import type { Columns } from './row-binding.ts';
import { columnsOf, insertInto, UPLOADS, valuesOf } from './row-columns.ts';

/** An upload under way. `oid` will be the object's. */
export interface StoredUpload {
  readonly id: string;
  readonly bucket: string;
  readonly key: Buffer;
  readonly oid: string;
  readonly initiated: number;
  readonly storageClass: StorageClass;
  readonly encryption: StoredEncryption;
  readonly checksum: UploadChecksum;
  readonly metadata: ObjectMetadata;
  readonly tags: Tags;
}

export const UPLOAD_COLUMNS = columnsOf(UPLOADS);

/** The upload under that id, if it is this key's. */
export function findUpload(room: Room, bucket: string, key: string, id: string): StoredUpload | undefined {
  const row = room.index.get(
    `SELECT ${UPLOAD_COLUMNS} FROM uploads WHERE id = ? AND bucket = ? AND key = ?`,
    id,
    bucket,
    Buffer.from(key, 'utf8'),
  );
  return row && uploadOf(room, row);
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
  const columns: Columns = {
    id: upload.id,
    bucket: upload.bucket,
    key: upload.key,
    oid: upload.oid,
    initiated: upload.initiated,
    class: upload.storageClass,
    encryption: JSON.stringify(upload.encryption),
    checksum: JSON.stringify(upload.checksum),
    metadata: JSON.stringify(upload.metadata),
    tags: JSON.stringify(upload.tags),
  };
  const proof = room.columns.seal('', bindingOf(UPLOADS.name, UPLOADS.bound, columns));
  room.index.run(insertInto(UPLOADS), ...valuesOf(UPLOADS, columns, proof));
}

/** Throws where the row is not authentic. */
export function uploadOf(room: Room, row: Row): StoredUpload {
  room.columns.open(bytes(row, 'proof'), bindingOf(UPLOADS.name, UPLOADS.bound, row));
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

/** The seal that the upload was begun with; there is one exactly where its row says so. */
export function uploadSeal(room: Room, upload: StoredUpload): SealHeader | undefined {
  const header = sealOf(room, upload.oid);
  requireAgreement(header, upload);
  return header;
}
