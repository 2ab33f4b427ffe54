import { ERROR_CODES, GatewayError, type ErrorCode } from '../../../model/errors.ts';
import type { ListedObject } from '../../../model/objects.ts';
import { formatIsoSeconds } from '../../../wire/http-date.ts';
import type { XmlNode } from '../../../wire/xml-document.ts';
import { emptyAnswer, encodingElement, locationOf, namer, ownerIn, xmlAnswer } from './answer.ts';
import { encodeError } from '../errors.ts';
import { quotedEtag } from '../words/metadata.ts';
import { encodeStorageClass } from '../words/storage-class.ts';
import type { Encoder } from './response-encoder.ts';

type ListingOperation =
  | 'ListBuckets'
  | 'ListObjects'
  | 'ListObjectsV2'
  | 'ListObjectVersions'
  | 'ListMultipartUploads'
  | 'ListParts'
  | 'DeleteObjects';

type Nodes = readonly (XmlNode | undefined)[];

/** Answers that list. */
export const LISTING_ENCODERS: { readonly [N in ListingOperation]: Encoder<N> } = {
  ListBuckets: (request, result, context) =>
    xmlAnswer(context, [
      'ListAllMyBucketsResult',
      [
        ...(result.truncated || request.prefix !== undefined || request.marker !== undefined
          ? ([
              ['Prefix', request.prefix ?? ''],
              ['Marker', request.marker ?? ''],
              ['MaxKeys', request.maxKeys ?? 100],
            ] as const)
          : []),
        ['IsTruncated', result.truncated],
        result.nextMarker === undefined ? undefined : ['NextMarker', result.nextMarker],
        ownerIn(context),
        [
          'Buckets',
          result.buckets.map((bucket) => [
            'Bucket',
            [
              ['CreationDate', formatIsoSeconds(bucket.createdAt)],
              ['ExtranetEndpoint', context.host],
              ['IntranetEndpoint', context.host],
              ['Location', locationOf(bucket.region)],
              ['Name', bucket.name],
              ['Region', bucket.region],
              ['StorageClass', encodeStorageClass(bucket.storageClass)],
            ],
          ]),
        ],
      ],
    ]),
  ListObjects: (request, result, context) => {
    const name = namer(request.encodingType);
    return xmlAnswer(context, [
      'ListBucketResult',
      [
        ['Name', request.bucket],
        ['Prefix', name(request.prefix)],
        ['Marker', name(request.marker)],
        ['MaxKeys', request.maxKeys],
        ['Delimiter', name(request.delimiter)],
        encodingElement(request.encodingType),
        ['IsTruncated', result.truncated],
        // OSS names the next marker whenever the list goes on, with or without a delimiter.
        result.truncated
          ? ['NextMarker', name(result.nextMarker ?? lastOf(result.objects, result.commonPrefixes))]
          : undefined,
        ...result.objects.map((object): XmlNode => ['Contents', contents(object, name, ownerIn(context))]),
        ...prefixes(result.commonPrefixes, name),
      ],
    ]);
  },
  ListObjectsV2: (request, result, context) => {
    const name = namer(request.encodingType);
    return xmlAnswer(context, [
      'ListBucketResult',
      [
        ['Name', request.bucket],
        ['Prefix', name(request.prefix)],
        ['StartAfter', name(request.startAfter)],
        ['MaxKeys', request.maxKeys],
        ['Delimiter', name(request.delimiter)],
        encodingElement(request.encodingType),
        ['IsTruncated', result.truncated],
        ['KeyCount', result.keyCount],
        request.continuationToken === undefined ? undefined : ['ContinuationToken', request.continuationToken],
        result.nextToken === undefined ? undefined : ['NextContinuationToken', result.nextToken],
        ...result.objects.map((object): XmlNode => [
          'Contents',
          contents(object, name, request.fetchOwner ? ownerIn(context) : undefined),
        ]),
        ...prefixes(result.commonPrefixes, name),
      ],
    ]);
  },
  ListObjectVersions: (request, result, context) => {
    const name = namer(request.encodingType);
    return xmlAnswer(context, [
      'ListVersionsResult',
      [
        ['Name', request.bucket],
        ['Prefix', name(request.prefix)],
        ['KeyMarker', name(request.keyMarker)],
        ['VersionIdMarker', request.versionIdMarker],
        ['MaxKeys', request.maxKeys],
        ['Delimiter', name(request.delimiter)],
        encodingElement(request.encodingType),
        ['IsTruncated', result.truncated],
        result.nextKeyMarker === undefined ? undefined : ['NextKeyMarker', name(result.nextKeyMarker)],
        result.nextVersionIdMarker === undefined ? undefined : ['NextVersionIdMarker', result.nextVersionIdMarker],
        ...result.objects.map((object): XmlNode => version(object, name, ownerIn(context))),
        ...prefixes(result.commonPrefixes, name),
      ],
    ]);
  },
  ListMultipartUploads: (request, result, context) => {
    const name = namer(request.encodingType);
    return xmlAnswer(context, [
      'ListMultipartUploadsResult',
      [
        ['Bucket', request.bucket],
        ['KeyMarker', name(request.keyMarker)],
        ['UploadIdMarker', request.uploadIdMarker],
        // oss2 reads both even where nothing follows.
        ['NextKeyMarker', name(result.nextKeyMarker ?? '')],
        ['NextUploadIdMarker', result.nextUploadIdMarker ?? ''],
        ['Delimiter', name(request.delimiter)],
        ['Prefix', name(request.prefix)],
        ['MaxUploads', request.maxUploads],
        encodingElement(request.encodingType),
        ['IsTruncated', result.truncated],
        ...result.uploads.map((upload): XmlNode => [
          'Upload',
          [
            ['Key', name(upload.key)],
            ['UploadId', upload.uploadId],
            ['StorageClass', encodeStorageClass(upload.storageClass)],
            ['Initiated', formatIsoSeconds(upload.initiated)],
          ],
        ]),
        ...prefixes(result.commonPrefixes, name),
      ],
    ]);
  },
  ListParts: (request, result, context) => {
    const name = namer(request.encodingType);
    const last = result.parts.at(-1)?.partNumber ?? request.partNumberMarker;
    return xmlAnswer(context, [
      'ListPartsResult',
      [
        ['Bucket', request.bucket],
        ['Key', name(request.key)],
        ['UploadId', request.uploadId],
        ['StorageClass', encodeStorageClass(result.storageClass)],
        ['PartNumberMarker', request.partNumberMarker],
        ['NextPartNumberMarker', result.nextPartNumberMarker ?? last],
        ['MaxParts', request.maxParts],
        encodingElement(request.encodingType),
        ['IsTruncated', result.truncated],
        ...result.parts.map((part): XmlNode => [
          'Part',
          [
            ['PartNumber', part.partNumber],
            ['LastModified', formatIsoSeconds(part.lastModified)],
            ['ETag', quotedEtag(part.etag)],
            ['Size', part.size],
          ],
        ]),
      ],
    ]);
  },
  DeleteObjects: (request, result, context) => {
    // OSS knows no error of one key: what was not deleted is missing from the answer. A quiet answer has no body, so it
    // could not tell: there the first error answers for all.
    const [failed] = result.errors;
    if (request.quiet && failed !== undefined) return encodeError(quietFailure(failed), context);
    if (request.quiet) return emptyAnswer(context, 200);
    const name = namer(request.encodingType);
    return xmlAnswer(context, [
      'DeleteResult',
      [
        encodingElement(request.encodingType),
        ...result.deleted.map((object): XmlNode => [
          'Deleted',
          [
            ['Key', name(object.key)],
            object.versionId === undefined ? undefined : ['VersionId', object.versionId],
            object.deleteMarker === true ? ['DeleteMarker', true] : undefined,
            object.markerVersionId === undefined ? undefined : ['DeleteMarkerVersionId', object.markerVersionId],
          ],
        ]),
      ],
    ]);
  },
};

function quietFailure(failed: { readonly key: string; readonly code: string; readonly message: string }): GatewayError {
  const code = (ERROR_CODES as readonly string[]).includes(failed.code) ? (failed.code as ErrorCode) : 'InternalError';
  return new GatewayError(code, failed.message, { details: { Key: failed.key } });
}

function contents(object: ListedObject, name: (text: string) => string, owner: XmlNode | undefined): Nodes {
  return [
    ['Key', name(object.key)],
    ['LastModified', formatIsoSeconds(object.lastModified)],
    ['ETag', quotedEtag(object.etag)],
    ['Type', object.type ?? 'Normal'],
    ['Size', object.size],
    ['StorageClass', encodeStorageClass(object.storageClass)],
    owner,
  ];
}

function version(object: ListedObject, name: (text: string) => string, owner: XmlNode): XmlNode {
  const place: Nodes = [
    ['Key', name(object.key)],
    ['VersionId', object.versionId ?? 'null'],
    ['IsLatest', object.isLatest ?? true],
    ['LastModified', formatIsoSeconds(object.lastModified)],
  ];
  if (object.deleteMarker === true) return ['DeleteMarker', [...place, owner]];
  return [
    'Version',
    [
      ...place,
      ['ETag', quotedEtag(object.etag)],
      ['Type', object.type ?? 'Normal'],
      ['Size', object.size],
      ['StorageClass', encodeStorageClass(object.storageClass)],
      owner,
    ],
  ];
}

function prefixes(commonPrefixes: readonly string[], name: (text: string) => string): readonly XmlNode[] {
  return commonPrefixes.map((prefix) => ['CommonPrefixes', [['Prefix', name(prefix)]]]);
}

/** Byte order decides what came last, as the list does. */
function lastOf(objects: readonly ListedObject[], commonPrefixes: readonly string[]): string {
  const names = [objects.at(-1)?.key ?? '', commonPrefixes.at(-1) ?? ''];
  return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).at(-1) ?? '';
}
