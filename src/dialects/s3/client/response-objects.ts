import { ERROR_CODES, GatewayError } from '../../../model/errors.ts';
import type { ByteRange, ObjectAttributes, WriteResult } from '../../../model/objects.ts';
import type { StorageRequest } from '../../../model/operations.ts';
import { formatHttpDate } from '../../../wire/http-date.ts';
import type { HeaderLines, WireResponse } from '../../../wire/message.ts';
import type { XmlNode } from '../../../wire/xml-document.ts';
import type { EncodeContext } from '../../dialect.ts';
import { aclDocument } from '../words/acl.ts';
import { checksumLines, checksumNodes, document, empty, isoTime, optionalHeader, text } from './answer.ts';
import type { Answered, ResponseWords } from './answer.ts';
import { ERRORS, identity } from '../errors.ts';
import { encodeMetadata } from '../words/metadata.ts';
import { encodeTagging } from '../words/tagging.ts';
import { quoted } from '../words/xml.ts';

/** Answers about objects; undefined for every other operation. */
export function encodeObjectResult(
  answered: Answered,
  context: EncodeContext,
  words: ResponseWords,
): WireResponse | undefined {
  switch (answered.operation) {
    case 'PutObject':
    case 'AppendObject':
      return empty(context, 200, writeLines(answered.result, words, { context: true }));
    case 'CopyObject': {
      const { etag, lastModified, checksum } = answered.result;
      return document(
        context,
        [
          'CopyObjectResult',
          [['LastModified', isoTime(lastModified)], ['ETag', quoted(etag)], ...checksumNodes(checksum)],
        ],
        [
          ...optionalHeader('x-amz-version-id', answered.result.versionId),
          ...optionalHeader('x-amz-copy-source-version-id', answered.request.source.versionId),
          ...words.object.encodeClient(answered.result.encryption, { context: true }),
        ],
      );
    }
    case 'GetObject': {
      const { content } = answered.result;
      // Only the gateway can open a sealed object; to pass ciphertext on would be worse than to fail.
      if (content.kind !== 'plain') throw new GatewayError('InternalError', 'The object was not opened.');
      const headers = attributeLines(answered.request, answered.result, words);
      return {
        status: statusOf(answered.result.range),
        headers: [
          ...identity(context),
          ...overridden(headers, answered.request.overrides),
          ['content-length', String(content.length)],
        ],
        body: content.bytes,
      };
    }
    case 'HeadObject': {
      const { range, size } = answered.result;
      return {
        status: statusOf(range),
        headers: [
          ...identity(context),
          ...overridden(attributeLines(answered.request, answered.result, words), answered.request.overrides),
          ['content-length', String(range === undefined ? size : range.last - range.first + 1)],
        ],
        body: undefined,
      };
    }
    case 'GetObjectAttributes':
      return attributesDocument(answered, context);
    case 'DeleteObject':
      return empty(context, 204, [
        ...(answered.result.deleteMarker === true ? ([['x-amz-delete-marker', 'true']] as const) : []),
        ...optionalHeader('x-amz-version-id', answered.result.versionId),
      ]);
    case 'DeleteObjects':
      return document(context, [
        'DeleteResult',
        [
          ...(answered.request.quiet ? [] : answered.result.deleted).map((deleted): XmlNode => [
            'Deleted',
            [
              ['Key', deleted.key],
              deleted.versionId === undefined ? undefined : ['VersionId', deleted.versionId],
              deleted.deleteMarker === true ? ['DeleteMarker', true] : undefined,
              deleted.markerVersionId === undefined ? undefined : ['DeleteMarkerVersionId', deleted.markerVersionId],
            ],
          ]),
          ...answered.result.errors.map(({ key, code, message }): XmlNode => [
            'Error',
            [
              ['Key', key],
              ['Code', codeOf(code)],
              ['Message', message],
            ],
          ]),
        ],
      ]);
    case 'GetObjectTagging':
      return text(context, encodeTagging(answered.result.tags), 'application/xml', versionLine(answered.result));
    case 'PutObjectTagging':
      return empty(context, 200, versionLine(answered.result));
    case 'DeleteObjectTagging':
      return empty(context, 204, versionLine(answered.result));
    case 'GetObjectAcl':
      return text(context, aclDocument(answered.result.acl, context.owner), 'application/xml');
    case 'PutObjectAcl':
      return empty(context, 200);
    default:
      return undefined;
  }
}

/** A key's error in S3's words, whether the gateway refused it or the store. */
function codeOf(code: string): string {
  const known = ERROR_CODES.find((candidate) => candidate === code);
  return known === undefined ? code : ERRORS[known].code;
}

/** Headers of a write's answer. */
export function writeLines(
  result: WriteResult,
  words: ResponseWords,
  options: { readonly context: boolean },
): HeaderLines {
  return [
    ['etag', quoted(result.etag)],
    ...optionalHeader('x-amz-version-id', result.versionId),
    ...checksumLines(result.checksum),
    ...words.object.encodeClient(result.encryption, options),
  ];
}

// S3: the type of an object that was given none.
const DEFAULT_TYPE = 'binary/octet-stream';

function attributeLines(
  request: StorageRequest<'GetObject' | 'HeadObject'>,
  result: ObjectAttributes & { readonly range?: ByteRange },
  words: ResponseWords,
): HeaderLines {
  const { range, size, storageClass, metadata } = result;
  return [
    ['etag', quoted(result.etag)],
    ['last-modified', formatHttpDate(result.lastModified)],
    ['accept-ranges', 'bytes'],
    ...(range === undefined ? [] : ([['content-range', `bytes ${range.first}-${range.last}/${size}`]] as const)),
    ...encodeMetadata({ contentType: DEFAULT_TYPE, ...metadata }),
    ...optionalHeader('x-amz-storage-class', storageClass === 'STANDARD' ? undefined : storageClass),
    ...optionalHeader('x-amz-version-id', result.versionId),
    ...optionalHeader('x-amz-tagging-count', result.tagCount === 0 ? undefined : result.tagCount),
    ...optionalHeader('x-amz-mp-parts-count', request.partNumber === undefined ? undefined : result.partCount),
    ...optionalHeader('x-amz-expiration', result.extra?.['expiration']),
    ...optionalHeader('x-amz-restore', result.extra?.['restore']),
    ...(request.checksumMode && range === undefined ? checksumLines(result.checksum) : []),
    ...words.object.encodeClient(result.encryption, { context: false }),
  ];
}

function overridden(lines: HeaderLines, overrides: Readonly<Record<string, string>>): HeaderLines {
  return [...lines.filter(([name]) => !Object.hasOwn(overrides, name)), ...Object.entries(overrides)];
}

function statusOf(range: ByteRange | undefined): number {
  return range === undefined ? 200 : 206;
}

function versionLine(result: { readonly versionId?: string }): HeaderLines {
  return optionalHeader('x-amz-version-id', result.versionId);
}

function attributesDocument(
  { request, result }: Extract<Answered, { operation: 'GetObjectAttributes' }>,
  context: EncodeContext,
): WireResponse {
  const asked = (name: string): boolean => request.attributes.includes(name);
  const { parts } = result;
  const nodes: (XmlNode | undefined)[] = [
    asked('ETag') ? ['ETag', result.etag] : undefined,
    asked('Checksum') && result.checksum !== undefined ? ['Checksum', checksumNodes(result.checksum)] : undefined,
    asked('ObjectParts') && parts !== undefined
      ? [
          'ObjectParts',
          [
            parts.total === undefined ? undefined : ['PartsCount', parts.total],
            ['PartNumberMarker', request.partNumberMarker],
            ['NextPartNumberMarker', parts.nextPartNumberMarker ?? 0],
            ['MaxParts', request.maxParts],
            ['IsTruncated', parts.truncated],
            ...parts.parts.map(({ partNumber, size, checksum }): XmlNode => [
              'Part',
              [
                ['PartNumber', partNumber],
                ['Size', size],
                ...checksumNodes(checksum).filter(([name]) => name !== 'ChecksumType'),
              ],
            ]),
          ],
        ]
      : undefined,
    asked('StorageClass') ? ['StorageClass', result.storageClass ?? 'STANDARD'] : undefined,
    asked('ObjectSize') ? ['ObjectSize', result.size] : undefined,
  ];
  return document(
    context,
    ['GetObjectAttributesResponse', nodes],
    [['last-modified', formatHttpDate(result.lastModified)], ...versionLine(result)],
  );
}
