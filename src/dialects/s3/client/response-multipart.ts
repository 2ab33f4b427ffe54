import type { WireResponse } from '../../../wire/message.ts';
import type { EncodeContext } from '../../dialect.ts';
import { checksumNodes, document, empty, isoTime, optionalHeader } from './answer.ts';
import type { Answered, ResponseWords } from './answer.ts';
import { writeLines } from './response-objects.ts';
import { quoted } from '../words/xml.ts';

/** Answers of multipart uploads, lists excepted. */
export function encodeMultipartResult(
  answered: Answered,
  context: EncodeContext,
  words: ResponseWords,
): WireResponse | undefined {
  switch (answered.operation) {
    case 'CreateMultipartUpload':
      return document(
        context,
        [
          'InitiateMultipartUploadResult',
          [
            ['Bucket', answered.request.bucket],
            ['Key', answered.request.key],
            ['UploadId', answered.result.uploadId],
          ],
        ],
        [
          // What will be kept, never what was asked.
          ...optionalHeader('x-amz-checksum-algorithm', answered.result.checksum?.algorithm),
          ...optionalHeader('x-amz-checksum-type', answered.result.checksum?.type),
          ...words.object.encodeClient(answered.result.encryption, { context: true }),
        ],
      );
    case 'UploadPart':
      return empty(
        context,
        200,
        // A part has one checksum and no type.
        writeLines(answered.result, words, { context: false }).filter(([name]) => name !== 'x-amz-checksum-type'),
      );
    case 'UploadPartCopy':
      return document(
        context,
        [
          'CopyPartResult',
          [
            ['LastModified', isoTime(answered.result.lastModified)],
            ['ETag', quoted(answered.result.etag)],
            ...checksumNodes(answered.result.checksum).filter(([name]) => name !== 'ChecksumType'),
          ],
        ],
        [
          ...optionalHeader('x-amz-copy-source-version-id', answered.request.source.versionId),
          ...words.object.encodeClient(answered.result.encryption, { context: false }),
        ],
      );
    case 'CompleteMultipartUpload': {
      const { request, result } = answered;
      return document(
        context,
        [
          'CompleteMultipartUploadResult',
          [
            ['Location', context.location],
            ['Bucket', request.bucket],
            ['Key', request.key],
            ['ETag', quoted(result.etag)],
            ...checksumNodes(result.checksum),
          ],
        ],
        [
          ...optionalHeader('x-amz-version-id', result.versionId),
          ...words.object.encodeClient(result.encryption, { context: false }),
        ],
      );
    }
    case 'AbortMultipartUpload':
      return empty(context, 204);
    default:
      return undefined;
  }
}
