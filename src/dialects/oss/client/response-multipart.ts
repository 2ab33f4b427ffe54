import type { WriteResult } from '../../../model/objects.ts';
import type { StorageRequest, StorageResult } from '../../../model/operations.ts';
import { formatIsoSeconds } from '../../../wire/http-date.ts';
import type { XmlNode } from '../../../wire/xml-document.ts';
import type { EncodeContext } from '../../dialect.ts';
import { quotedEtag } from '../words/metadata.ts';

/** Children of `<CopyObjectResult>`. */
export function copyElements(result: WriteResult & { readonly lastModified: number }): readonly XmlNode[] {
  return [
    ['LastModified', formatIsoSeconds(result.lastModified)],
    ['ETag', quotedEtag(result.etag)],
  ];
}

/** Children of `<InitiateMultipartUploadResult>`. */
export function uploadElements(request: StorageRequest<'CreateMultipartUpload'>, uploadId: string): readonly XmlNode[] {
  return [
    ['Bucket', request.bucket],
    ['Key', request.key],
    ['UploadId', uploadId],
  ];
}

/** Children of `<CompleteMultipartUploadResult>`; the location is of the endpoint that the client knows. */
export function completeElements(
  request: StorageRequest<'CompleteMultipartUpload'>,
  result: StorageResult<'CompleteMultipartUpload'>,
  context: EncodeContext,
): readonly XmlNode[] {
  return [
    ['Location', context.location],
    ['Bucket', context.bucket ?? request.bucket],
    ['Key', request.key],
    ['ETag', quotedEtag(result.etag)],
  ];
}
