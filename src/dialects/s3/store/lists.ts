import { CHECKSUM_ALGORITHMS } from '../../../model/body.ts';
import { GatewayError } from '../../../model/errors.ts';
import type { ListedObject, ObjectAttributes, PartInfo, PartList } from '../../../model/objects.ts';
import type { StorageRequest, StorageResult } from '../../../model/operations.ts';
import { headerOf } from '../../../wire/message.ts';
import type { HeaderLines } from '../../../wire/message.ts';
import { decodeComponent } from '../../../wire/percent-encoding.ts';
import { childOf, childText, childrenOf } from '../../../wire/xml-document.ts';
import type { XmlElement } from '../../../wire/xml-document.ts';
import { given, readStorageClass } from '../client/parameters.ts';
import { checksumIn } from './checksums.ts';
import { storeTime } from './documents.ts';
import { tellable } from './errors.ts';
import { unquoted } from '../words/xml.ts';

type ListRequest = StorageRequest<
  'ListBuckets' | 'ListObjects' | 'ListObjectsV2' | 'ListObjectVersions' | 'ListMultipartUploads' | 'ListParts'
>;

/** A store's list, whose root's name has been checked. */
export function decodeList(request: ListRequest, root: XmlElement): StorageResult<ListRequest['operation']> {
  const name = decoder(root);
  const truncated = childText(root, 'IsTruncated') === 'true';
  const optional = (element: string): string | undefined => {
    const text = childText(root, element);
    return text === undefined || text === '' ? undefined : name(text);
  };
  const commonPrefixes = childrenOf(root, 'CommonPrefixes').map((prefix) => name(required(prefix, 'Prefix')));
  switch (request.operation) {
    case 'ListBuckets':
      return listBuckets(root);
    case 'ListObjects': {
      const objects = childrenOf(root, 'Contents').map((element) => listed(element, name));
      const last = [objects.at(-1)?.key ?? '', commonPrefixes.at(-1) ?? ''].sort(byBytes).at(-1);
      // Stores name the next marker only with a delimiter: else it is the last name of the page.
      const next = truncated ? (optional('NextMarker') ?? last) : undefined;
      return { objects, commonPrefixes, truncated, ...given('nextMarker', next) };
    }
    case 'ListObjectsV2': {
      const objects = childrenOf(root, 'Contents').map((element) => listed(element, name));
      const token = childText(root, 'NextContinuationToken');
      if (truncated && (token === undefined || token === '')) throw odd('a list that ends without a token');
      return {
        objects,
        commonPrefixes,
        truncated,
        keyCount: objects.length + commonPrefixes.length,
        ...given(
          'nextToken',
          truncated && token !== undefined ? Buffer.from(token, 'utf8').toString('base64url') : undefined,
        ),
      };
    }
    case 'ListObjectVersions':
      return {
        objects: root.children
          .filter((child) => child.name === 'Version' || child.name === 'DeleteMarker')
          .map((element) => listed(element, name)),
        commonPrefixes,
        truncated,
        ...given('nextKeyMarker', optional('NextKeyMarker')),
        ...given('nextVersionIdMarker', childText(root, 'NextVersionIdMarker')),
      };
    case 'ListMultipartUploads':
      return {
        uploads: childrenOf(root, 'Upload').map((upload) => ({
          key: name(required(upload, 'Key')),
          uploadId: required(upload, 'UploadId'),
          initiated: storeTime(childText(upload, 'Initiated')),
          storageClass: readStorageClass(childText(upload, 'StorageClass')),
        })),
        commonPrefixes,
        truncated,
        ...given('nextKeyMarker', optional('NextKeyMarker')),
        ...given('nextUploadIdMarker', childText(root, 'NextUploadIdMarker')),
      };
    case 'ListParts': {
      const algorithm = CHECKSUM_ALGORITHMS.find((known) => known === childText(root, 'ChecksumAlgorithm'));
      const type = childText(root, 'ChecksumType');
      return {
        ...partPage(root),
        storageClass: readStorageClass(childText(root, 'StorageClass')),
        ...given('checksumAlgorithm', algorithm),
        ...given(
          'checksumType',
          (['COMPOSITE', 'FULL_OBJECT'] as const).find((known) => known === type),
        ),
      };
    }
  }
}

/** What became of each key; one that the store does not name was not deleted as far as anybody can tell. */
export function decodeDeletes(
  request: StorageRequest<'DeleteObjects'>,
  root: XmlElement,
): StorageResult<'DeleteObjects'> {
  const { deleted, errors } = namedIn(root);
  const named = new Set([...deleted, ...errors].map(({ key }) => key));
  const forgotten = request.objects
    .filter(({ key }) => !named.has(key))
    .map(({ key }) => ({ key, code: 'InternalError', message: 'The store did not say what became of the object.' }));
  return { deleted, errors: [...errors, ...forgotten] };
}

function namedIn(root: XmlElement): StorageResult<'DeleteObjects'> {
  return {
    deleted: childrenOf(root, 'Deleted').map((element) => ({
      key: required(element, 'Key'),
      ...given('versionId', filled(childText(element, 'VersionId'))),
      ...(childText(element, 'DeleteMarker') === 'true' ? { deleteMarker: true } : {}),
      ...given('markerVersionId', filled(childText(element, 'DeleteMarkerVersionId'))),
    })),
    errors: childrenOf(root, 'Error').map((element) => {
      const code = childText(element, 'Code') ?? 'InternalError';
      const message = tellable(code, childText(element, 'Message') ?? '');
      return { key: required(element, 'Key'), code, message: message ?? 'The store did not delete the object.' };
    }),
  };
}

export function decodeAttributes(root: XmlElement, headers: HeaderLines): StorageResult<'GetObjectAttributes'> {
  const parts = childOf(root, 'ObjectParts');
  const checksum = childOf(root, 'Checksum');
  const attributes: ObjectAttributes = {
    size: number(childText(root, 'ObjectSize')),
    etag: unquoted(childText(root, 'ETag') ?? ''),
    lastModified: storeTime(headerOf(headers, 'last-modified')),
    metadata: { user: {} },
    // This answer has no encryption headers (API model): nothing is claimed.
    encryption: { kind: 'none' },
    storageClass: readStorageClass(childText(root, 'StorageClass')),
    ...given('versionId', headerOf(headers, 'x-amz-version-id')),
    ...given('checksum', checksum === undefined ? undefined : checksumIn(checksum)),
  };
  return { ...attributes, ...given('parts', parts === undefined ? undefined : partList(parts)) };
}

/** Undoes `encoding-type=url` where the store says that it did it. AWS writes a space as `+`. */
function decoder(root: XmlElement): (text: string) => string {
  if (childText(root, 'EncodingType') !== 'url') return (text) => text;
  return (text) => {
    const decoded = decodeComponent(text, { plusIsSpace: true });
    if (decoded === undefined) throw odd('a name with a bad escape');
    return decoded;
  };
}

function listBuckets(root: XmlElement): StorageResult<'ListBuckets'> {
  const buckets = childOf(root, 'Buckets');
  return {
    buckets: (buckets === undefined ? [] : childrenOf(buckets, 'Bucket')).map((bucket) => ({
      name: required(bucket, 'Name'),
      createdAt: storeTime(childText(bucket, 'CreationDate')),
      region: childText(bucket, 'BucketRegion') ?? '',
      storageClass: 'STANDARD',
    })),
    truncated: false,
  };
}

function listed(element: XmlElement, name: (text: string) => string): ListedObject {
  const marker = element.name === 'DeleteMarker';
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => known === childText(element, 'ChecksumAlgorithm'));
  const isLatest = childText(element, 'IsLatest');
  return {
    key: name(required(element, 'Key')),
    size: marker ? 0 : number(childText(element, 'Size')),
    etag: unquoted(childText(element, 'ETag') ?? ''),
    lastModified: storeTime(childText(element, 'LastModified')),
    storageClass: readStorageClass(childText(element, 'StorageClass')),
    ...given('versionId', childText(element, 'VersionId')),
    ...given('isLatest', isLatest === undefined ? undefined : isLatest === 'true'),
    ...(marker ? { deleteMarker: true } : {}),
    ...given('checksumAlgorithm', algorithm),
  };
}

function part(element: XmlElement): PartInfo {
  return {
    partNumber: number(childText(element, 'PartNumber')),
    size: number(childText(element, 'Size')),
    etag: unquoted(childText(element, 'ETag') ?? ''),
    lastModified: storeTime(childText(element, 'LastModified')),
    ...given('checksum', checksumIn(element)),
  };
}

function partList(element: XmlElement): PartList {
  const total = childText(element, 'PartsCount') ?? childText(element, 'TotalPartsCount');
  return { ...partPage(element), ...given('total', total === undefined ? undefined : number(total)) };
}

/** The next page begins behind the last part of this one, whether the store says so or not. */
function partPage(element: XmlElement): PartList {
  const parts = childrenOf(element, 'Part').map(part);
  const truncated = childText(element, 'IsTruncated') === 'true' && parts.length > 0;
  const said = childText(element, 'NextPartNumberMarker');
  const next = said === undefined || said === '' ? parts.at(-1)?.partNumber : number(said);
  return { parts, truncated, ...given('nextPartNumberMarker', truncated ? next : undefined) };
}

function filled(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function required(element: XmlElement, name: string): string {
  const text = childText(element, name);
  if (text === undefined) throw odd(`a ${element.name} without ${name}`);
  return text;
}

function number(text: string | undefined): number {
  if (text === undefined || !/^\d{1,16}$/.test(text.trim())) throw odd('a number that is none');
  return Number(text);
}

/** S3's order: UTF-8 bytes, not UTF-16 units. */
function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left, 'utf8'), Buffer.from(right, 'utf8'));
}

function odd(what: string): GatewayError {
  return new GatewayError('InternalError', `The store answered ${what}.`);
}
