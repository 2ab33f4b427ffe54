import type { ListedObject, ObjectType } from '../../../model/objects.ts';
import type { OperationName } from '../../../model/operations.ts';
import { childrenOf, childText, childOf, type XmlElement } from '../../../wire/xml-document.ts';
import { unquoted } from '../words/metadata.ts';
import { knownStorageClass } from '../words/storage-class.ts';
import { decoder, isoTime, number, optionalDocument, optionalNumber, some, storeDocument, truth } from './body.ts';
import type { StoreReader } from './reader.ts';

type ListingOperation =
  | 'ListBuckets'
  | 'ListObjects'
  | 'ListObjectsV2'
  | 'ListObjectVersions'
  | 'ListMultipartUploads'
  | 'ListParts'
  | 'DeleteObjects';

const TYPES: readonly string[] = ['Normal', 'Multipart', 'Appendable', 'Symlink'] satisfies readonly ObjectType[];

/** Listings of an OSS store. */
export const LISTING_READERS: { readonly [N in ListingOperation & OperationName]: StoreReader<N> } = {
  ListBuckets: async (_request, response) => {
    const root = await storeDocument(response);
    const buckets = childrenOf(childOf(root, 'Buckets') ?? root, 'Bucket').map((bucket) => ({
      name: childText(bucket, 'Name') ?? '',
      createdAt: isoTime(childText(bucket, 'CreationDate')),
      region: (childText(bucket, 'Location') ?? '').replace(/^oss-/, ''),
      storageClass: knownStorageClass(childText(bucket, 'StorageClass')) ?? 'STANDARD',
    }));
    return { buckets, truncated: truth(root, 'IsTruncated'), ...some('nextMarker', childText(root, 'NextMarker')) };
  },
  ListObjects: async (request, response) => {
    const root = await storeDocument(response);
    const decode = decoder(root);
    const next = filled(childText(root, 'NextMarker'));
    return {
      ...page(root, decode, request.maxKeys),
      ...some('nextMarker', next === undefined ? undefined : decode(next)),
    };
  },
  ListObjectsV2: async (request, response) => {
    const root = await storeDocument(response);
    const listed = page(root, decoder(root), request.maxKeys);
    const next = filled(childText(root, 'NextContinuationToken'));
    return {
      ...listed,
      keyCount: listed.objects.length + listed.commonPrefixes.length,
      // Only unreserved characters survive every SDK.
      ...some('nextToken', next === undefined ? undefined : Buffer.from(next, 'utf8').toString('base64url')),
    };
  },
  ListObjectVersions: async (request, response) => {
    const root = await storeDocument(response);
    const decode = decoder(root);
    const [key, version] = [filled(childText(root, 'NextKeyMarker')), filled(childText(root, 'NextVersionIdMarker'))];
    const empty = request.maxKeys === 0;
    return {
      objects: empty
        ? []
        : root.children
            .filter(({ name }) => name === 'Version' || name === 'DeleteMarker')
            .map((element) => ({
              ...listedObject(element, decode),
              ...some('versionId', childText(element, 'VersionId')),
              isLatest: truth(element, 'IsLatest'),
              ...(element.name === 'DeleteMarker' ? { deleteMarker: true } : {}),
            })),
      commonPrefixes: empty ? [] : prefixes(root, decode),
      truncated: !empty && truth(root, 'IsTruncated'),
      ...some('nextKeyMarker', key === undefined ? undefined : decode(key)),
      ...some('nextVersionIdMarker', version),
    };
  },
  ListMultipartUploads: async (_request, response) => {
    const root = await storeDocument(response);
    const decode = decoder(root);
    const [key, upload] = [filled(childText(root, 'NextKeyMarker')), filled(childText(root, 'NextUploadIdMarker'))];
    return {
      uploads: childrenOf(root, 'Upload').map((element) => ({
        key: decode(childText(element, 'Key') ?? ''),
        uploadId: childText(element, 'UploadId') ?? '',
        initiated: isoTime(childText(element, 'Initiated')),
        storageClass: knownStorageClass(childText(element, 'StorageClass')) ?? 'STANDARD',
      })),
      commonPrefixes: prefixes(root, decode),
      truncated: truth(root, 'IsTruncated'),
      ...some('nextKeyMarker', key === undefined ? undefined : decode(key)),
      ...some('nextUploadIdMarker', upload),
    };
  },
  ListParts: async (_request, response) => {
    const root = await storeDocument(response);
    const parts = childrenOf(root, 'Part').map((part) => ({
      partNumber: number(childText(part, 'PartNumber')),
      size: number(childText(part, 'Size')),
      etag: unquoted(childText(part, 'ETag') ?? ''),
      lastModified: isoTime(childText(part, 'LastModified')),
    }));
    const truncated = truth(root, 'IsTruncated') && parts.length > 0;
    // The next page begins behind the last part of this one, whether the store says so or not.
    const next = optionalNumber(childText(root, 'NextPartNumberMarker')) ?? parts.at(-1)?.partNumber;
    return {
      parts,
      truncated,
      ...some('nextPartNumberMarker', truncated ? next : undefined),
      ...some('storageClass', knownStorageClass(childText(root, 'StorageClass'))),
    };
  },
  DeleteObjects: async (request, response) => {
    const root = await optionalDocument(response);
    const decode = decoder(root);
    const deleted = childrenOf(root, 'Deleted').map((element) => ({
      key: decode(childText(element, 'Key') ?? ''),
      ...some('versionId', filled(childText(element, 'VersionId'))),
      ...(truth(element, 'DeleteMarker') ? { deleteMarker: true } : {}),
      ...some('markerVersionId', filled(childText(element, 'DeleteMarkerVersionId'))),
    }));
    const done = new Set(deleted.map((object) => `${object.key}\u0000${object.versionId ?? ''}`));
    // OSS does not report a failed key, it leaves it out.
    const errors = request.objects
      .filter((object) => !done.has(`${object.key}\u0000${object.versionId ?? ''}`))
      .map(({ key }) => ({ key, code: 'InternalError', message: 'The store did not delete the object.' }));
    return { deleted, errors };
  },
};

function page(
  root: XmlElement,
  decode: (text: string) => string,
  maxKeys: number,
): { objects: readonly ListedObject[]; commonPrefixes: readonly string[]; truncated: boolean } {
  // OSS has no page of no keys: one was asked for and is not shown.
  if (maxKeys === 0) return { objects: [], commonPrefixes: [], truncated: false };
  return {
    objects: childrenOf(root, 'Contents').map((element) => listedObject(element, decode)),
    commonPrefixes: prefixes(root, decode),
    truncated: truth(root, 'IsTruncated'),
  };
}

function listedObject(element: XmlElement, decode: (text: string) => string): ListedObject {
  const type = childText(element, 'Type');
  return {
    key: decode(childText(element, 'Key') ?? ''),
    size: element.name === 'DeleteMarker' ? 0 : number(childText(element, 'Size')),
    etag: unquoted(childText(element, 'ETag') ?? ''),
    lastModified: isoTime(childText(element, 'LastModified')),
    storageClass: knownStorageClass(childText(element, 'StorageClass')) ?? 'STANDARD',
    ...(type !== undefined && TYPES.includes(type) ? { type: type as ObjectType } : {}),
  };
}

function prefixes(root: XmlElement, decode: (text: string) => string): readonly string[] {
  return childrenOf(root, 'CommonPrefixes').map((element) => decode(childText(element, 'Prefix') ?? ''));
}

function filled(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
