import { GatewayError } from '../../../model/errors.ts';
import type { OperationName, StorageRequest, StorageResult } from '../../../model/operations.ts';
import type { HeaderLines, WireResponse } from '../../../wire/message.ts';
import { formatHttpDate } from '../../../wire/http-date.ts';
import type { EncodeContext } from '../../dialect.ts';
import { attributeHeaders, baseHeaders, emptyAnswer, writeHeaders, xmlAnswer } from './answer.ts';
import { encodeObserved } from '../words/encryption.ts';
import { quotedEtag } from '../words/metadata.ts';
import type { OssOperation } from '../operations.ts';
import { aclDocument, BUCKET_ENCODERS } from './response-buckets.ts';
import type { Encoder } from './response-encoder.ts';
import { LISTING_ENCODERS } from './response-lists.ts';
import { paced } from '../../../wire/paced.ts';
import { copyElements, completeElements, uploadElements } from './response-multipart.ts';
import { formatIsoSeconds } from '../../../wire/http-date.ts';

/** The answer to a request that succeeded, in OSS's words. */
export function encodeResponse<N extends OperationName>(
  request: StorageRequest<N>,
  result: StorageResult<N>,
  context: EncodeContext,
): WireResponse {
  const { operation } = request;
  if (operation === 'Passthrough' || operation === 'GetObjectAttributes')
    throw new GatewayError('NotImplemented', `${operation} has no answer in the OSS dialect.`);
  const encode = (ENCODERS as Readonly<Record<string, unknown>>)[operation] as Encoder<N>;
  return encode(request, result, context);
}

const ENCODERS: { readonly [N in OssOperation]: Encoder<N> } = {
  ...BUCKET_ENCODERS,
  ...LISTING_ENCODERS,
  PutObject: (_request, result, context) => emptyAnswer(context, 200, writeHeaders(result)),
  AppendObject: (_request, result, context) =>
    emptyAnswer(context, 200, [...writeHeaders(result), ['x-oss-next-append-position', String(result.nextPosition)]]),
  CopyObject: (request, result, context) =>
    // oss2 reads the ETag of a copy from the header.
    xmlAnswer(
      context,
      ['CopyObjectResult', copyElements(result)],
      [...writeHeaders(result), ...sourceVersion(request)],
    ),
  GetObject: (request, result, context) => {
    if (result.content.kind !== 'plain')
      throw new GatewayError('InternalError', 'The content of the object was not opened.');
    const { range, size, content } = result;
    const headers = overridden(attributeHeaders(result, range === undefined ? 'whole' : 'range'), request.overrides);
    const own: [string, string][] = [['content-length', String(content.length)]];
    if (range !== undefined) own.push(['content-range', `bytes ${range.first}-${range.last}/${size}`]);
    return {
      status: range === undefined ? 200 : 206,
      headers: [...baseHeaders(context), ...headers, ...own],
      body: request.bytesPerSecond === undefined ? content.bytes : paced(content.bytes, request.bytesPerSecond),
    };
  },
  HeadObject: (request, result, context) => {
    const { range, size } = result;
    const length = range === undefined ? size : range.last - range.first + 1;
    const headers =
      request.light === true
        ? lightHeaders(result)
        : overridden(attributeHeaders(result, range === undefined ? 'whole' : 'range'), request.overrides);
    const own: [string, string][] = [['content-length', String(length)]];
    if (range !== undefined) own.push(['content-range', `bytes ${range.first}-${range.last}/${size}`]);
    return {
      status: range === undefined ? 200 : 206,
      headers: [...baseHeaders(context), ...headers, ...own],
      body: undefined,
    };
  },
  DeleteObject: (_request, result, context) =>
    emptyAnswer(context, 204, [
      ...(result.deleteMarker === true ? ([['x-oss-delete-marker', 'true']] as const) : []),
      ...versionHeader(result.versionId),
    ]),
  GetObjectAcl: (_request, result, context) => xmlAnswer(context, aclDocument(result.acl, context)),
  PutObjectAcl: (_request, _result, context) => emptyAnswer(context, 200),
  GetObjectTagging: (_request, result, context) =>
    xmlAnswer(
      context,
      [
        'Tagging',
        [
          [
            'TagSet',
            Object.entries(result.tags).map(([key, value]) => [
              'Tag',
              [
                ['Key', key],
                ['Value', value],
              ],
            ]),
          ],
        ],
      ],
      versionHeader(result.versionId),
    ),
  PutObjectTagging: (_request, result, context) => emptyAnswer(context, 200, versionHeader(result.versionId)),
  DeleteObjectTagging: (_request, result, context) => emptyAnswer(context, 204, versionHeader(result.versionId)),
  CreateMultipartUpload: (request, result, context) =>
    xmlAnswer(
      context,
      ['InitiateMultipartUploadResult', uploadElements(request, result.uploadId)],
      encodeObserved(result.encryption),
    ),
  UploadPart: (_request, result, context) => emptyAnswer(context, 200, writeHeaders(result)),
  UploadPartCopy: (_request, result, context) =>
    xmlAnswer(
      context,
      [
        'CopyPartResult',
        [
          ['LastModified', formatIsoSeconds(result.lastModified)],
          ['ETag', quotedEtag(result.etag)],
        ],
      ],
      writeHeaders(result),
    ),
  CompleteMultipartUpload: (request, result, context) =>
    xmlAnswer(
      context,
      ['CompleteMultipartUploadResult', completeElements(request, result, context)],
      writeHeaders(result),
    ),
  AbortMultipartUpload: (_request, _result, context) => emptyAnswer(context, 204),
};

function sourceVersion(request: StorageRequest<'CopyObject'>): HeaderLines {
  const { versionId } = request.source;
  return versionId === undefined ? [] : [['x-oss-copy-source-version-id', versionId]];
}

function versionHeader(versionId: string | undefined): HeaderLines {
  return versionId === undefined ? [] : [['x-oss-version-id', versionId]];
}

/** `?objectMeta`: length, ETag and time only. */
function lightHeaders(result: StorageResult<'HeadObject'>): HeaderLines {
  return [
    ['etag', quotedEtag(result.etag)],
    ['last-modified', formatHttpDate(result.lastModified)],
    ...(result.crc64 === undefined ? [] : ([['x-oss-hash-crc64ecma', result.crc64]] as const)),
    ...versionHeader(result.versionId),
  ];
}

/** `response-*` parameters in place of the stored headers; OSS's own type where nobody named one. */
function overridden(headers: HeaderLines, overrides: Readonly<Record<string, string>>): HeaderLines {
  const lines = [...headers.filter(([name]) => !Object.hasOwn(overrides, name)), ...Object.entries(overrides)];
  return has(lines, 'content-type') ? lines : [...lines, ['content-type', 'application/octet-stream']];
}

function has(headers: HeaderLines, name: string): boolean {
  return headers.some(([candidate]) => candidate === name);
}
