import type { SealedStore, StoredPart, UploadState } from '../../model/backend.ts';
import type { SealHeader, SealRecord } from '../../model/seal.ts';
import { text } from './index-database.ts';
import { partInfo } from './object-reads.ts';
import { filesOf, findObject, objectSeal, requireBucket, sealOf } from './object-rows.ts';
import type { StoredFile } from './object-rows.ts';
import type { StoredEncryption } from './protection.ts';
import { commit, putSeal, reading } from './room.ts';
import type { Room } from './room.ts';
import { requireUpload, uploadSeal } from './upload-rows.ts';
import type { StoredUpload } from './upload-rows.ts';

/** What the gateway asks for when it seals, completes, appends or rewraps. */
export function createSealedStore(room: Room): SealedStore {
  return {
    upload: (bucket, key, uploadId) =>
      answering(() => {
        const found = requireUpload(room, { bucket, key, uploadId });
        return {
          seal: sealHeader(room, found),
          ...beginningOf(found.encryption),
          initiated: found.initiated,
          checksum: found.checksum,
          metadata: found.metadata,
        };
      }),
    parts: (bucket, key, uploadId) =>
      answering(() => filesOf(room, requireUpload(room, { bucket, key, uploadId }).oid).map(storedPart)),
    appendable: (bucket, key) =>
      answering(() => {
        requireBucket(room, bucket);
        const found = findObject(room, bucket, Buffer.from(key, 'utf8'));
        return (
          found && {
            record: objectSeal(room, found),
            metadata: found.metadata,
            size: found.size,
            appendable: found.type === 'Appendable',
            ...beginningOf(found.encryption),
          }
        );
      }),
    replaceWrappedKey: (oid, expectedBlob, next) =>
      commit(room, () => {
        const record = sealOf(room, oid);
        if (record === undefined) return false;
        if (record.wrapped.blob === expectedBlob) putSeal(room, oid, { ...record, wrapped: next });
        else if (record.wrappedManifestKeys?.blob === expectedBlob)
          putSeal(room, oid, { ...record, wrappedManifestKeys: next });
        else return false;
        return true;
      }),
    wrappedUnder: (keyId, after, limit) =>
      answering(() =>
        room.index
          .all(
            `SELECT record FROM seals WHERE (key_id = ? OR manifest_key_id = ?) AND oid > ? ORDER BY oid LIMIT ?`,
            keyId,
            keyId,
            after,
            Math.max(0, Math.min(limit, MOST_HEADERS)),
          )
          .map((row) => headerOf(JSON.parse(text(row, 'record')) as SealRecord)),
      ),
  };
}

const MOST_HEADERS = 1000;

function beginningOf({
  underBucketRule,
  ...encryption
}: StoredEncryption): Pick<UploadState, 'encryption' | 'underBucketRule'> {
  return underBucketRule === undefined ? { encryption } : { encryption, underBucketRule };
}

function answering<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(reading(work)));
}

function storedPart(file: StoredFile): StoredPart {
  const { md5 = '', crc64 = '' } = file.digests;
  return { ...partInfo(file), sealed: file.sealed, md5, crc64 };
}

function sealHeader(room: Room, upload: StoredUpload): SealHeader | undefined {
  const header = uploadSeal(room, upload);
  return header && headerOf(header);
}

/** A header without the parts: a record of ten thousand of them is not needed to rewrap a key. */
function headerOf(record: SealHeader): SealHeader {
  const { format, oid, bucket, uploadId, mode, keyAlias, context, wrapped, wrappedManifestKeys, customerKeyMd5 } =
    record;
  return {
    format,
    oid,
    bucket,
    uploadId,
    mode,
    keyAlias,
    ...(context && { context }),
    wrapped,
    ...(wrappedManifestKeys && { wrappedManifestKeys }),
    ...(customerKeyMd5 !== undefined && { customerKeyMd5 }),
  };
}
