import { GatewayError } from '../../../model/errors.ts';
import type { ByteStream } from '../../../model/body.ts';
import type { StorageRequest } from '../../../model/operations.ts';
import type { ByteRange, CannedAcl, ObjectAttributes, ObjectType, WriteResult } from '../../../model/objects.ts';
import { parseHttpDate } from '../../../wire/http-date.ts';
import { headerOf, type HeaderLines, type WireResponse } from '../../../wire/message.ts';
import { childOf, childrenOf, childText, type XmlElement } from '../../../wire/xml-document.ts';
import { decodeStoredRule } from '../words/bucket-encryption.ts';
import { decodeObserved } from '../words/encryption.ts';
import { metadataOf, unquoted } from '../words/metadata.ts';
import { knownStorageClass } from '../words/storage-class.ts';
import { errorInside } from './errors.ts';
import { drained, isoTime, number, optionalDocument, optionalNumber, some, storeDocument, unreadable } from './body.ts';
import type { StoreReader } from './reader.ts';
import type { OssOperation } from '../operations.ts';
import { readBounded } from '../../../wire/bounded.ts';

type ListingOperation =
  | 'ListBuckets'
  | 'ListObjects'
  | 'ListObjectsV2'
  | 'ListObjectVersions'
  | 'ListMultipartUploads'
  | 'ListParts'
  | 'DeleteObjects'
  | 'GetBucketReplication'
  | 'PutBucketReplication'
  | 'DeleteBucketReplication';
type ResultOperation = Exclude<OssOperation, ListingOperation> | 'GetObjectAttributes';

const MAX_POLICY = 64 * 1024;
const ACLS: readonly string[] = [
  'private',
  'public-read',
  'public-read-write',
  'default',
] satisfies readonly CannedAcl[];
const TYPES: readonly string[] = ['Normal', 'Multipart', 'Appendable', 'Symlink'] satisfies readonly ObjectType[];
/** Headers that a client may see beside the model's own, without the vendor's prefix. */
const EXTRA = ['expiration', 'restore'];

/** Answers of an OSS store, but for listings. */
export const RESULT_READERS: { readonly [N in ResultOperation]: StoreReader<N> } = {
  CreateBucket: (request, response) => drained(response, { location: `/${request.bucket}`, created: true }),
  HeadBucket: async (_request, response) => ({
    region: regionOf(childText(await bucketElement(response), 'Location')),
  }),
  DeleteBucket: (_request, response) => drained(response, {}),
  GetBucketLocation: async (_request, response) => ({ region: regionOf((await storeDocument(response)).text) }),
  GetBucketInfo: async (request, response) => {
    const bucket = await bucketElement(response);
    const rule = childOf(bucket, 'ServerSideEncryptionRule');
    return {
      name: request.bucket,
      createdAt: isoTime(childText(bucket, 'CreationDate')),
      region: regionOf(childText(bucket, 'Location')),
      storageClass: knownStorageClass(childText(bucket, 'StorageClass')) ?? 'STANDARD',
      acl: aclOf(childOf(bucket, 'AccessControlList')),
      encryption: rule === undefined ? undefined : decodeStoredRule(rule),
    };
  },
  GetBucketStat: async (_request, response) => {
    const root = await storeDocument(response);
    return {
      objects: number(childText(root, 'ObjectCount')),
      bytes: number(childText(root, 'Storage')),
      uploads: number(childText(root, 'MultipartUploadCount') ?? '0'),
    };
  },
  GetBucketAcl: async (_request, response) => ({
    acl: aclOf(childOf(await storeDocument(response), 'AccessControlList')),
  }),
  PutBucketAcl: (_request, response) => drained(response, {}),
  GetObjectAcl: async (_request, response) => ({
    acl: aclOf(childOf(await storeDocument(response), 'AccessControlList')),
  }),
  PutObjectAcl: (_request, response) => drained(response, {}),
  GetBucketVersioning: async (_request, response) => {
    const status = childText(await optionalDocument(response), 'Status');
    return { status: status === 'Enabled' || status === 'Suspended' ? status : undefined };
  },
  GetBucketEncryption: async (_request, response) => ({ rule: decodeStoredRule(await storeDocument(response)) }),
  PutBucketEncryption: (_request, response) => drained(response, {}),
  DeleteBucketEncryption: (_request, response) => drained(response, {}),
  GetBucketPolicy: async (_request, response) => {
    const { body } = response;
    const bytes = body === undefined || body instanceof Uint8Array ? body : await readBounded(body, MAX_POLICY);
    if (bytes === undefined || bytes === 'too-large') throw unreadable();
    return { document: Buffer.from(bytes).toString('utf8') };
  },
  PutBucketPolicy: (_request, response) => drained(response, {}),
  DeleteBucketPolicy: (_request, response) => drained(response, {}),
  PutObject: (_request, response) => drained(response, written(response.headers)),
  AppendObject: (_request, response) =>
    drained(response, {
      ...written(response.headers),
      nextPosition: number(headerOf(response.headers, 'x-oss-next-append-position')),
    }),
  GetObject: (request, response) => {
    const attributes = attributesOf(response.headers);
    const length = number(headerOf(response.headers, 'content-length'));
    const range = rangeOf(request, response, length);
    return {
      ...attributes,
      size: range?.size ?? length,
      content: { kind: 'plain', bytes: streamOf(response), length },
      ...(range === undefined ? {} : { range: range.range }),
    };
  },
  HeadObject: (request, response) => {
    const length = number(headerOf(response.headers, 'content-length'));
    const range = rangeOf(request, response, length);
    return drained(response, {
      ...attributesOf(response.headers),
      size: range?.size ?? length,
      ...(range === undefined ? {} : { range: range.range }),
    });
  },
  GetObjectAttributes: (_request, response) =>
    drained(response, {
      ...attributesOf(response.headers),
      size: number(headerOf(response.headers, 'content-length')),
    }),
  CopyObject: async (_request, response) => copied(response, await storeDocument(response)),
  DeleteObject: (_request, response) =>
    drained(response, {
      ...(headerOf(response.headers, 'x-oss-delete-marker') === 'true' ? { deleteMarker: true } : {}),
      ...some('versionId', headerOf(response.headers, 'x-oss-version-id')),
    }),
  GetObjectTagging: async (_request, response) => {
    const set = childOf(await optionalDocument(response), 'TagSet');
    const tags =
      set === undefined
        ? []
        : childrenOf(set, 'Tag').map((tag) => [childText(tag, 'Key') ?? '', childText(tag, 'Value') ?? '']);
    return {
      tags: Object.fromEntries(tags) as Record<string, string>,
      ...some('versionId', headerOf(response.headers, 'x-oss-version-id')),
    };
  },
  PutObjectTagging: (_request, response) =>
    drained(response, some('versionId', headerOf(response.headers, 'x-oss-version-id'))),
  DeleteObjectTagging: (_request, response) =>
    drained(response, some('versionId', headerOf(response.headers, 'x-oss-version-id'))),
  CreateMultipartUpload: async (_request, response) => {
    const uploadId = childText(await storeDocument(response), 'UploadId') ?? '';
    if (uploadId === '') throw unreadable();
    return { uploadId, encryption: decodeObserved(response.headers) };
  },
  UploadPart: (_request, response) => drained(response, written(response.headers)),
  UploadPartCopy: async (_request, response) => copied(response, await storeDocument(response)),
  CompleteMultipartUpload: async (_request, response) => {
    const root = await storeDocument(response);
    // Some answers begin with 200 before the outcome is known.
    if (root.name === 'Error') throw errorInside(root);
    const etag = unquoted(headerOf(response.headers, 'etag') ?? childText(root, 'ETag') ?? '');
    return writtenAs(response.headers, etag);
  },
  AbortMultipartUpload: (_request, response) => drained(response, {}),
};

function written(headers: HeaderLines): WriteResult {
  return writtenAs(headers, unquoted(headerOf(headers, 'etag') ?? ''));
}

function writtenAs(headers: HeaderLines, etag: string): WriteResult {
  if (etag === '') throw unreadable();
  return {
    etag,
    ...some('versionId', headerOf(headers, 'x-oss-version-id')),
    ...some('crc64', headerOf(headers, 'x-oss-hash-crc64ecma')),
    // OSS answers with the family's headers whenever it encrypts: silence means that it did not.
    encryption: decodeObserved(headers),
  };
}

function copied(response: WireResponse, root: XmlElement): WriteResult & { readonly lastModified: number } {
  if (root.name === 'Error') throw errorInside(root);
  const etag = unquoted(childText(root, 'ETag') ?? headerOf(response.headers, 'etag') ?? '');
  return { ...writtenAs(response.headers, etag), lastModified: isoTime(childText(root, 'LastModified')) };
}

/** Without the size, which a range hides. */
function attributesOf(headers: HeaderLines): Omit<ObjectAttributes, 'size'> {
  const lastModified = parseHttpDate(headerOf(headers, 'last-modified') ?? '');
  const etag = unquoted(headerOf(headers, 'etag') ?? '');
  if (lastModified === undefined || etag === '') throw unreadable();
  const [type, tagCount, position] = [
    headerOf(headers, 'x-oss-object-type'),
    headerOf(headers, 'x-oss-tagging-count'),
    headerOf(headers, 'x-oss-next-append-position'),
  ];
  const extra = EXTRA.flatMap((name) => {
    const value = headerOf(headers, `x-oss-${name}`);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    etag,
    lastModified,
    metadata: metadataOf(headers),
    encryption: decodeObserved(headers),
    ...some('storageClass', knownStorageClass(headerOf(headers, 'x-oss-storage-class'))),
    ...some('versionId', headerOf(headers, 'x-oss-version-id')),
    ...some('crc64', headerOf(headers, 'x-oss-hash-crc64ecma')),
    ...some('tagCount', optionalNumber(tagCount)),
    ...(type !== undefined && TYPES.includes(type) ? { type: type as ObjectType } : {}),
    ...some('appendPosition', optionalNumber(position)),
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
}

/** What a 206 shows; undefined for a whole object. */
function rangeOf(
  request: StorageRequest<'GetObject' | 'HeadObject'>,
  { status, headers }: WireResponse,
  length: number,
): { readonly range: ByteRange; readonly size: number } | undefined {
  if (status !== 206) return undefined;
  const match = /^bytes[ =](\d+)-(\d+)\/(\d+)$/i.exec(headerOf(headers, 'content-range')?.trim() ?? '');
  if (match !== null) return { range: { first: Number(match[1]), last: Number(match[2]) }, size: Number(match[3]) };
  if (length !== 0 || request.range === undefined) throw unreadable();
  // RFC 9110 14.1.2: no range of an empty object can be satisfied.
  throw new GatewayError('InvalidRange', 'The requested range cannot be satisfied.');
}

function streamOf({ body }: WireResponse): ByteStream {
  return body === undefined || body instanceof Uint8Array ? single(body ?? new Uint8Array()) : body;
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  await Promise.resolve();
  yield bytes;
}

async function bucketElement(response: WireResponse): Promise<XmlElement> {
  const bucket = childOf(await storeDocument(response), 'Bucket');
  if (bucket === undefined) throw unreadable();
  return bucket;
}

function regionOf(location: string | undefined): string {
  return (location ?? '').trim().replace(/^oss-/, '');
}

function aclOf(list: XmlElement | undefined): CannedAcl {
  const grant = list === undefined ? undefined : childText(list, 'Grant');
  if (grant === undefined) throw unreadable();
  if (!ACLS.includes(grant))
    throw new GatewayError('NotImplemented', 'The store has an ACL that this gateway has no word for.');
  return grant as CannedAcl;
}
