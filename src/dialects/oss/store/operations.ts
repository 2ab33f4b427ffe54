import { createHash } from 'node:crypto';
import { GatewayError } from '../../../model/errors.ts';
import type { Conditions, VersionedRef } from '../../../model/objects.ts';
import type { StorageRequest } from '../../../model/operations.ts';
import type { HeaderLines } from '../../../wire/message.ts';
import { encodePath, encodeComponent } from '../../../wire/percent-encoding.ts';
import { writeXml, xmlHolds, type XmlNode } from '../../../wire/xml-document.ts';
import { encodeBucketRule } from '../words/bucket-encryption.ts';
import { encodeEncryption } from '../words/encryption.ts';
import {
  encodeAcl,
  encodeConditions,
  encodeRange,
  encodeStoreMetadata,
  encodeTags,
  META_PREFIX,
  quotedEtag,
} from '../words/metadata.ts';
import { encodeStorageClass } from '../words/storage-class.ts';
import { payloadOf, type StoreCall, type StoreEncoders } from './call.ts';

type ObjectWrite = Omit<StorageRequest<'CreateMultipartUpload'>, 'operation'>;

/** OSS answers at most this many names a page; S3 clients may ask for as many. */
const MAX_PAGE = 1000;

/** Every operation of the model on OSS's wire. What has no counterpart is missing here and refused. */
export const STORE_ENCODERS: StoreEncoders = {
  ListBuckets: (request) => ({
    method: 'GET',
    query: given({ prefix: request.prefix, marker: request.marker, 'max-keys': page(request.maxKeys) }),
  }),
  CreateBucket: (request) => ({
    method: 'PUT',
    bucket: request.bucket,
    headers: [
      ...encodeEncryption(request.encryption),
      ...(request.acl === undefined ? [] : ([['x-oss-acl', encodeAcl(request.acl)]] as const)),
    ],
  }),
  // A native HEAD of a bucket does not exist at OSS.
  HeadBucket: (request) => bucketCall('GET', request, 'bucketInfo'),
  DeleteBucket: (request) => ({ method: 'DELETE', bucket: request.bucket }),
  GetBucketLocation: (request) => bucketCall('GET', request, 'location'),
  GetBucketInfo: (request) => bucketCall('GET', request, 'bucketInfo'),
  GetBucketStat: (request) => bucketCall('GET', request, 'stat'),
  GetBucketAcl: (request) => bucketCall('GET', request, 'acl'),
  PutBucketAcl: (request) => ({
    ...bucketCall('PUT', request, 'acl'),
    headers: [['x-oss-acl', encodeAcl(request.acl)]],
  }),
  GetObjectAcl: (request) => objectCall('GET', request, { acl: '' }),
  PutObjectAcl: (request) => ({
    ...objectCall('PUT', request, { acl: '' }),
    headers: [['x-oss-object-acl', encodeAcl(request.acl)]],
  }),
  GetBucketVersioning: (request) => bucketCall('GET', request, 'versioning'),
  GetBucketEncryption: (request) => bucketCall('GET', request, 'encryption'),
  PutBucketEncryption: (request) => {
    if (request.storeRule === undefined)
      throw new GatewayError('InternalError', 'The rule was not put into the words of the store.');
    return { ...bucketCall('PUT', request, 'encryption'), ...xmlBody(encodeBucketRule(request.storeRule)) };
  },
  DeleteBucketEncryption: (request) => bucketCall('DELETE', request, 'encryption'),
  GetBucketPolicy: (request) => bucketCall('GET', request, 'policy'),
  PutBucketPolicy: (request) => ({
    ...bucketCall('PUT', request, 'policy'),
    headers: [['content-type', 'application/json']],
    body: Buffer.from(request.document, 'utf8'),
  }),
  DeleteBucketPolicy: (request) => bucketCall('DELETE', request, 'policy'),
  ListObjects: (request) => ({
    method: 'GET',
    bucket: request.bucket,
    query: given({ ...listing(request), marker: request.marker }),
  }),
  ListObjectsV2: (request) => ({
    method: 'GET',
    bucket: request.bucket,
    query: given({
      ...listing(request),
      'list-type': '2',
      'continuation-token': request.continuationToken === undefined ? undefined : storeToken(request.continuationToken),
      'start-after': request.startAfter,
    }),
  }),
  ListObjectVersions: (request) => ({
    method: 'GET',
    bucket: request.bucket,
    query: {
      ...given({ ...listing(request), 'key-marker': request.keyMarker, 'version-id-marker': request.versionIdMarker }),
      versions: '',
    },
  }),
  PutObject: (request) => ({ ...objectCall('PUT', request), headers: writeHeaders(request), body: payloadOf(request) }),
  AppendObject: (request) => ({
    ...objectCall('POST', request, { append: '', position: String(request.position) }),
    headers: writeHeaders(request),
    body: payloadOf(request),
  }),
  GetObject: (request) => ({ ...objectCall('GET', request), headers: readHeaders(request) }),
  HeadObject: (request) => ({ ...objectCall('HEAD', request), headers: readHeaders(request) }),
  GetObjectAttributes: (request) => objectCall('HEAD', request),
  CopyObject: (request) => ({
    ...objectCall('PUT', request),
    headers: [
      ...copyHeaders(request),
      ...writeHeaders(copied(request)),
      ['x-oss-metadata-directive', request.metadataDirective],
      ['x-oss-tagging-directive', request.taggingDirective === 'COPY' ? 'Copy' : 'Replace'],
    ],
  }),
  DeleteObject: (request) => objectCall('DELETE', request),
  DeleteObjects: (request) => ({
    ...bucketCall('POST', request, 'delete'),
    query: { delete: '', 'encoding-type': 'url' },
    ...xmlBody([
      'Delete',
      [
        ['Quiet', false],
        ...request.objects.map(({ key, versionId }): XmlNode => [
          'Object',
          [['Key', key], versionId === undefined ? undefined : ['VersionId', versionId]],
        ]),
      ],
    ]),
  }),
  GetObjectTagging: (request) => objectCall('GET', request, { tagging: '' }),
  PutObjectTagging: (request) => ({
    ...objectCall('PUT', request, { tagging: '' }),
    ...xmlBody([
      'Tagging',
      [
        [
          'TagSet',
          Object.entries(request.tags).map(([key, value]): XmlNode => [
            'Tag',
            [
              ['Key', key],
              ['Value', value],
            ],
          ]),
        ],
      ],
    ]),
  }),
  DeleteObjectTagging: (request) => objectCall('DELETE', request, { tagging: '' }),
  CreateMultipartUpload: (request) => ({
    ...objectCall('POST', request, { uploads: '', 'encoding-type': 'url' }),
    headers: writeHeaders(request),
  }),
  UploadPart: (request) => ({
    ...partCall(request),
    headers: Object.entries(request.repeatedMetadata ?? {}).map(
      ([name, value]) => [`${META_PREFIX}${name}`, value] as const,
    ),
    body: payloadOf(request),
  }),
  UploadPartCopy: (request) => {
    const { sourceRange } = request;
    const range: HeaderLines =
      sourceRange === undefined ? [] : [['x-oss-copy-source-range', `bytes=${sourceRange.first}-${sourceRange.last}`]];
    return { ...partCall(request), headers: [...copyHeaders(request), ...range] };
  },
  CompleteMultipartUpload: (request) => {
    const call = objectCall('POST', request, { uploadId: request.uploadId, 'encoding-type': 'url' });
    const headers = [...overwriteHeaders(request), ...aclHeaders(request.acl)];
    if (request.parts === 'all') return { ...call, headers: [...headers, ['x-oss-complete-all', 'yes']] };
    // No part has such a tag, and the store's parser would refuse the whole document for it.
    if (request.parts.some(({ etag }) => !xmlHolds(etag)))
      throw new GatewayError('InvalidPart', 'One or more of the specified parts could not be found.');
    const document = xmlBody([
      'CompleteMultipartUpload',
      request.parts.map((part): XmlNode => [
        'Part',
        [
          ['PartNumber', part.partNumber],
          ['ETag', quotedEtag(part.etag)],
        ],
      ]),
    ]);
    return { ...call, ...document, headers: [...document.headers, ...headers] };
  },
  AbortMultipartUpload: (request) => objectCall('DELETE', request, { uploadId: request.uploadId }),
  ListParts: (request) =>
    objectCall(
      'GET',
      request,
      given({
        uploadId: request.uploadId,
        'max-parts': String(Math.min(request.maxParts, MAX_PAGE)),
        'part-number-marker': request.partNumberMarker === 0 ? undefined : String(request.partNumberMarker),
        'encoding-type': 'url',
      }),
    ),
  ListMultipartUploads: (request) => ({
    method: 'GET',
    bucket: request.bucket,
    query: {
      ...given({
        prefix: request.prefix,
        delimiter: request.delimiter,
        'key-marker': request.keyMarker,
        'upload-id-marker': request.uploadIdMarker,
        'max-uploads': String(Math.min(Math.max(request.maxUploads, 1), MAX_PAGE)),
        'encoding-type': 'url',
      }),
      uploads: '',
    },
  }),
};

/** Under COPY the source's own metadata and tags stand: none are sent. */
function copied(request: StorageRequest<'CopyObject'>): ObjectWrite {
  const { tags, ...rest } = request;
  const metadata = request.metadataDirective === 'REPLACE' ? request.metadata : { user: {} };
  return request.taggingDirective === 'REPLACE' && tags !== undefined
    ? { ...rest, metadata, tags }
    : { ...rest, metadata };
}

function bucketCall(method: string, request: { readonly bucket: string }, subresource: string): StoreCall {
  return { method, bucket: request.bucket, query: { [subresource]: '' } };
}

function objectCall(method: string, request: VersionedRef, query: Readonly<Record<string, string>> = {}): StoreCall {
  const version = request.versionId === undefined ? {} : { versionId: request.versionId };
  return { method, bucket: request.bucket, key: request.key, query: { ...query, ...version } };
}

function partCall(request: { bucket: string; key: string; uploadId: string; partNumber: number }): StoreCall {
  return objectCall('PUT', request, { partNumber: String(request.partNumber), uploadId: request.uploadId });
}

function aclHeaders(acl: ObjectWrite['acl']): HeaderLines {
  return acl === undefined ? [] : [['x-oss-object-acl', encodeAcl(acl)]];
}

function writeHeaders(request: ObjectWrite): HeaderLines {
  const tags = request.tags === undefined ? '' : encodeTags(request.tags);
  return [
    ...encodeStoreMetadata(request.metadata),
    ...encodeEncryption(request.encryption),
    ...overwriteHeaders(request),
    ...(tags === '' ? [] : ([['x-oss-tagging', tags]] as const)),
    ...(request.storageClass === undefined
      ? []
      : ([['x-oss-storage-class', encodeStorageClass(request.storageClass)]] as const)),
    ...aclHeaders(request.acl),
  ];
}

/** OSS knows one condition on a write: that nothing is there yet. Any other is refused, because it would be ignored. */
function overwriteHeaders(request: {
  readonly conditions: Conditions;
  readonly forbidOverwrite?: boolean;
}): HeaderLines {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = request.conditions;
  const onlyNew = ifNoneMatch?.length === 1 && ifNoneMatch[0] === '*';
  if (
    ifMatch !== undefined ||
    ifModifiedSince !== undefined ||
    ifUnmodifiedSince !== undefined ||
    (ifNoneMatch !== undefined && !onlyNew)
  )
    throw new GatewayError('NotImplemented', 'Alibaba OSS takes no condition on a write but If-None-Match: *.');
  return onlyNew || request.forbidOverwrite === true ? [['x-oss-forbid-overwrite', 'true']] : [];
}

function readHeaders(request: StorageRequest<'GetObject' | 'HeadObject'>): HeaderLines {
  if (request.partNumber !== undefined)
    throw new GatewayError('NotImplemented', 'Alibaba OSS reads no single part of an object.');
  if (request.customerKey !== undefined)
    throw new GatewayError('InvalidRequest', 'Alibaba OSS has no server-side encryption with customer-provided keys.');
  const lines: [string, string][] = encodeConditions(request.conditions).map(([name, value]) => [name, value]);
  if (request.range !== undefined) {
    lines.push(['range', encodeRange(request.range)]);
    if (request.lenientRange !== true) lines.push(['x-oss-range-behavior', 'standard']);
  }
  // The bytes are hashed and compared: nothing on the way may compress them.
  lines.push(['accept-encoding', 'identity']);
  return lines;
}

function copyHeaders(request: StorageRequest<'CopyObject' | 'UploadPartCopy'>): HeaderLines {
  if (request.sourceCustomerKey !== undefined)
    throw new GatewayError('InvalidRequest', 'Alibaba OSS has no server-side encryption with customer-provided keys.');
  const { bucket, key, versionId } = request.source;
  const version = versionId === undefined ? '' : `?versionId=${encodeComponent(versionId)}`;
  return [
    ['x-oss-copy-source', `/${bucket}/${encodePath(key)}${version}`],
    ...encodeConditions(request.sourceConditions, 'x-oss-copy-source-'),
  ];
}

function listing(
  request: StorageRequest<'ListObjects' | 'ListObjectsV2' | 'ListObjectVersions'>,
): Record<string, string | undefined> {
  return {
    prefix: request.prefix,
    delimiter: request.delimiter,
    'max-keys': page(request.maxKeys),
    'encoding-type': 'url',
  };
}

function page(maxKeys: number | undefined): string | undefined {
  return maxKeys === undefined ? undefined : String(Math.min(Math.max(maxKeys, 1), MAX_PAGE));
}

/** Empty parameters are left out. */
function given(parameters: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).filter((entry): entry is [string, string] => (entry[1] ?? '') !== ''),
  );
}

function storeToken(token: string): string {
  const decoded = Buffer.from(token, 'base64url').toString('utf8');
  if (decoded === '' || Buffer.from(decoded, 'utf8').toString('base64url') !== token)
    throw new GatewayError('InvalidArgument', 'The continuation token provided is incorrect', {
      details: { ArgumentName: 'continuation-token' },
    });
  return decoded;
}

function xmlBody(root: XmlNode): { readonly headers: HeaderLines; readonly body: Uint8Array } {
  const body = Buffer.from(writeXml(root), 'utf8');
  const md5 = createHash('md5').update(body).digest('base64');
  return {
    headers: [
      ['content-type', 'application/xml'],
      ['content-md5', md5],
    ],
    body,
  };
}
