import type { ListedObject } from '../../../model/objects.ts';
import { encodePath } from '../../../wire/percent-encoding.ts';
import type { WireResponse } from '../../../wire/message.ts';
import type { XmlNode } from '../../../wire/xml-document.ts';
import type { EncodeContext } from '../../dialect.ts';
import { checksumNodes, document, isoTime, ownerIn } from './answer.ts';
import type { Answered } from './answer.ts';
import { encodeBucketToken } from './request-lists.ts';
import { quoted } from '../words/xml.ts';

/** Answers that list something. */
export function encodeListResult(answered: Answered, context: EncodeContext): WireResponse | undefined {
  switch (answered.operation) {
    case 'ListBuckets':
      return listBuckets(answered, context);
    case 'ListObjects': {
      const { request, result } = answered;
      const key = spelling(request.encodingType);
      // AWS names the next marker only where a delimiter may hide the last key.
      const next = request.delimiter === '' ? undefined : result.nextMarker;
      return document(context, [
        'ListBucketResult',
        [
          ...pageNodes(request, result.truncated),
          ['Marker', key(request.marker)],
          next === undefined || !result.truncated ? undefined : ['NextMarker', key(next)],
          ...result.objects.map((object): XmlNode => ['Contents', [...objectNodes(object, key), ownerIn(context)]]),
          ...prefixNodes(result.commonPrefixes, key),
        ],
      ]);
    }
    case 'ListObjectsV2': {
      const { request, result } = answered;
      const key = spelling(request.encodingType);
      return document(context, [
        'ListBucketResult',
        [
          ...pageNodes(request, result.truncated),
          ['KeyCount', result.keyCount],
          request.continuationToken === undefined ? undefined : ['ContinuationToken', request.continuationToken],
          result.nextToken === undefined || !result.truncated ? undefined : ['NextContinuationToken', result.nextToken],
          request.startAfter === '' ? undefined : ['StartAfter', key(request.startAfter)],
          ...result.objects.map((object): XmlNode => [
            'Contents',
            [...objectNodes(object, key), request.fetchOwner ? ownerIn(context) : undefined],
          ]),
          ...prefixNodes(result.commonPrefixes, key),
        ],
      ]);
    }
    case 'ListObjectVersions': {
      const { request, result } = answered;
      const key = spelling(request.encodingType);
      return document(context, [
        'ListVersionsResult',
        [
          ...pageNodes(request, result.truncated),
          ['KeyMarker', key(request.keyMarker)],
          ['VersionIdMarker', request.versionIdMarker],
          result.nextKeyMarker === undefined ? undefined : ['NextKeyMarker', key(result.nextKeyMarker)],
          result.nextVersionIdMarker === undefined ? undefined : ['NextVersionIdMarker', result.nextVersionIdMarker],
          ...result.objects.map((object) => versionNode(object, key, ownerIn(context))),
          ...prefixNodes(result.commonPrefixes, key),
        ],
      ]);
    }
    case 'ListMultipartUploads':
      return listUploads(answered, context);
    case 'ListParts':
      return listParts(answered, context);
    default:
      return undefined;
  }
}

type Spelling = (text: string) => string;

/** `encoding-type=url`: names that XML 1.0 cannot carry travel percent-encoded. */
function spelling(encodingType: 'url' | undefined): Spelling {
  return encodingType === 'url' ? encodePath : (text): string => text;
}

function pageNodes(
  request: {
    readonly bucket: string;
    readonly prefix: string;
    readonly delimiter: string;
    readonly maxKeys: number;
    readonly encodingType?: 'url';
  },
  truncated: boolean,
): readonly (XmlNode | undefined)[] {
  const key = spelling(request.encodingType);
  return [
    ['Name', request.bucket],
    ['Prefix', key(request.prefix)],
    request.delimiter === '' ? undefined : ['Delimiter', key(request.delimiter)],
    ['MaxKeys', request.maxKeys],
    request.encodingType === undefined ? undefined : ['EncodingType', request.encodingType],
    ['IsTruncated', truncated],
  ];
}

function objectNodes(object: ListedObject, key: Spelling): readonly (XmlNode | undefined)[] {
  return [
    ['Key', key(object.key)],
    ['LastModified', isoTime(object.lastModified)],
    ['ETag', quoted(object.etag)],
    object.checksumAlgorithm === undefined ? undefined : ['ChecksumAlgorithm', object.checksumAlgorithm],
    ['Size', object.size],
    ['StorageClass', object.storageClass],
  ];
}

function versionNode(object: ListedObject, key: Spelling, owner: XmlNode): XmlNode {
  const version: readonly XmlNode[] = [
    ['VersionId', object.versionId ?? 'null'],
    ['IsLatest', object.isLatest ?? true],
  ];
  if (object.deleteMarker === true)
    return [
      'DeleteMarker',
      [['Key', key(object.key)], ...version, ['LastModified', isoTime(object.lastModified)], owner],
    ];
  return ['Version', [...objectNodes(object, key), ...version, owner]];
}

function prefixNodes(prefixes: readonly string[], key: Spelling): readonly XmlNode[] {
  return prefixes.map((prefix): XmlNode => ['CommonPrefixes', [['Prefix', key(prefix)]]]);
}

function listBuckets(
  { request, result }: Extract<Answered, { operation: 'ListBuckets' }>,
  context: EncodeContext,
): WireResponse {
  return document(context, [
    'ListAllMyBucketsResult',
    [
      ownerIn(context),
      [
        'Buckets',
        result.buckets.map(({ name, createdAt, region }): XmlNode => [
          'Bucket',
          [
            ['Name', name],
            ['CreationDate', isoTime(createdAt)],
            // Only the paginated form (2024) names regions.
            request.maxKeys === undefined ? undefined : ['BucketRegion', region],
          ],
        ]),
      ],
      request.prefix === undefined ? undefined : ['Prefix', request.prefix],
      result.nextMarker === undefined || !result.truncated
        ? undefined
        : ['ContinuationToken', encodeBucketToken(result.nextMarker)],
    ],
  ]);
}

function listUploads(
  { request, result }: Extract<Answered, { operation: 'ListMultipartUploads' }>,
  context: EncodeContext,
): WireResponse {
  const key = spelling(request.encodingType);
  return document(context, [
    'ListMultipartUploadsResult',
    [
      ['Bucket', request.bucket],
      ['KeyMarker', key(request.keyMarker)],
      ['UploadIdMarker', request.uploadIdMarker],
      result.nextKeyMarker === undefined ? undefined : ['NextKeyMarker', key(result.nextKeyMarker)],
      result.nextUploadIdMarker === undefined ? undefined : ['NextUploadIdMarker', result.nextUploadIdMarker],
      ['Prefix', key(request.prefix)],
      request.delimiter === '' ? undefined : ['Delimiter', key(request.delimiter)],
      request.encodingType === undefined ? undefined : ['EncodingType', request.encodingType],
      ['MaxUploads', request.maxUploads],
      ['IsTruncated', result.truncated],
      ...result.uploads.map((upload): XmlNode => [
        'Upload',
        [
          ['Key', key(upload.key)],
          ['UploadId', upload.uploadId],
          ownerIn(context, 'Initiator'),
          ownerIn(context),
          ['StorageClass', upload.storageClass],
          ['Initiated', isoTime(upload.initiated)],
        ],
      ]),
      ...prefixNodes(result.commonPrefixes, key),
    ],
  ]);
}

function listParts(
  { request, result }: Extract<Answered, { operation: 'ListParts' }>,
  context: EncodeContext,
): WireResponse {
  const key = spelling(request.encodingType);
  return document(context, [
    'ListPartsResult',
    [
      ['Bucket', request.bucket],
      ['Key', key(request.key)],
      ['UploadId', request.uploadId],
      ownerIn(context, 'Initiator'),
      ownerIn(context),
      ['StorageClass', result.storageClass ?? 'STANDARD'],
      ['PartNumberMarker', request.partNumberMarker],
      result.nextPartNumberMarker === undefined ? undefined : ['NextPartNumberMarker', result.nextPartNumberMarker],
      ['MaxParts', request.maxParts],
      request.encodingType === undefined ? undefined : ['EncodingType', request.encodingType],
      ['IsTruncated', result.truncated],
      result.checksumAlgorithm === undefined ? undefined : ['ChecksumAlgorithm', result.checksumAlgorithm],
      result.checksumType === undefined ? undefined : ['ChecksumType', result.checksumType],
      ...result.parts.map((part): XmlNode => [
        'Part',
        [
          ['PartNumber', part.partNumber],
          ['LastModified', isoTime(part.lastModified)],
          ['ETag', quoted(part.etag)],
          ['Size', part.size],
          ...checksumNodes(part.checksum).filter(([name]) => name !== 'ChecksumType'),
        ],
      ]),
    ],
  ]);
}
