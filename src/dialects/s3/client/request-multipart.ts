import type { ChecksumAlgorithm } from '../../../model/body.ts';
import { CHECKSUM_ALGORITHMS } from '../../../model/body.ts';
import { GatewayError } from '../../../model/errors.ts';
import type { CompletedPart } from '../../../model/objects.ts';
import type { StorageRequest } from '../../../model/operations.ts';
import { childText } from '../../../wire/xml-document.ts';
import type { XmlElement } from '../../../wire/xml-document.ts';
import { documentLimit } from '../../document.ts';
import { decodeConditions } from '../words/conditions.ts';
import type { ClientEncryption } from '../words/encryption.ts';
import {
  checksumAlgorithmOf,
  checksumHeader,
  checksumTypeOf,
  given,
  partNumberOf,
  uploadChecksumOf,
} from './parameters.ts';
import type { Fields } from './parameters.ts';
import { parseCopyRange } from '../words/range.ts';
import { copySource, objectWrite } from './request-objects.ts';
import type { MultipartOperation } from '../operations.ts';
import { malformed, readDocument, unquoted } from '../words/xml.ts';

export async function decodeMultipartOperation(
  operation: MultipartOperation,
  fields: Fields,
  encryption: ClientEncryption,
): Promise<StorageRequest> {
  const { bucket, key } = fields;
  const uploadId = fields.query('uploadId') ?? '';
  switch (operation) {
    case 'CreateMultipartUpload':
      return {
        operation,
        ...objectWrite(fields, encryption),
        ...uploadChecksumOf(fields),
      };
    case 'UploadPart':
      return { operation, ...partOf(fields, encryption, uploadId), body: fields.body };
    case 'UploadPartCopy': {
      const range = fields.header('x-amz-copy-source-range');
      return {
        operation,
        ...partOf(fields, encryption, uploadId),
        ...copySource(fields, encryption),
        ...given('sourceRange', range === undefined ? undefined : parseCopyRange(range)),
      };
    }
    case 'CompleteMultipartUpload':
      return {
        operation,
        bucket,
        key,
        uploadId,
        parts: partsOf(
          await readDocument(fields.body, {
            root: 'CompleteMultipartUpload',
            limit: documentLimit(operation),
            counts: { Part: MAX_PARTS },
          }),
        ),
        conditions: decodeConditions(fields.headers),
        ...given('customerKey', encryption.customerKey),
        ...given('checksum', completeChecksum(fields)),
        ...given('checksumType', checksumTypeOf(fields)),
        ...given('objectSize', objectSizeOf(fields)),
      };
    case 'AbortMultipartUpload':
      return { operation, bucket, key, uploadId };
  }
}

// S3: an upload has 10,000 parts at most.
const MAX_PARTS = 10_000;

function objectSizeOf(fields: Fields): number | undefined {
  const value = fields.header('x-amz-mp-object-size');
  if (value === undefined) return undefined;
  if (!/^\d{1,15}$/.test(value))
    throw new GatewayError('InvalidRequest', 'Value for x-amz-mp-object-size header is invalid.');
  return Number(value);
}

function partOf(
  fields: Fields,
  encryption: ClientEncryption,
  uploadId: string,
): Omit<StorageRequest<'UploadPart'>, 'operation' | 'body'> {
  return {
    bucket: fields.bucket,
    key: fields.key,
    uploadId,
    partNumber: partNumberOf(fields.query('partNumber') ?? ''),
    ...given('checksumAlgorithm', checksumAlgorithmOf(fields, 'x-amz-checksum-algorithm')),
    ...given('checksumType', checksumTypeOf(fields)),
    ...given('customerKey', encryption.customerKey),
  };
}

function partsOf(root: XmlElement): readonly CompletedPart[] {
  if (root.children.length === 0 || root.children.length > MAX_PARTS) throw malformed();
  const parts = root.children.map(completedPart);
  parts.forEach((part, index) => {
    if (index > 0 && part.partNumber <= (parts[index - 1]?.partNumber ?? 0))
      throw new GatewayError(
        'InvalidPartOrder',
        'The list of parts was not in ascending order. Parts must be ordered by part number.',
      );
  });
  return parts;
}

function completedPart(element: XmlElement): CompletedPart {
  const [number, etag] = [childText(element, 'PartNumber')?.trim(), childText(element, 'ETag')?.trim()];
  if (element.name !== 'Part' || number === undefined || etag === undefined || !/^\d{1,9}$/.test(number))
    throw malformed();
  const checksums = CHECKSUM_ALGORITHMS.filter((name) => childText(element, `Checksum${name}`) !== undefined);
  const [algorithm] = checksums;
  if (element.children.some(({ name }) => !/^(PartNumber|ETag|Checksum[A-Z0-9]+)$/.test(name)) || checksums.length > 1)
    throw malformed();
  return {
    partNumber: partNumberOf(number),
    etag: unquoted(etag),
    ...given('checksum', algorithm === undefined ? undefined : childText(element, `Checksum${algorithm}`)),
    ...given('checksumAlgorithm', algorithm),
  };
}

/** The checksum of the whole object that Complete names in a header. The body's own checksum has the same header: S3 reads it so too. */
function completeChecksum(
  fields: Fields,
): { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined {
  const found = CHECKSUM_ALGORITHMS.filter((algorithm) => fields.header(checksumHeader(algorithm)) !== undefined);
  const [algorithm, second] = found;
  if (algorithm === undefined) return undefined;
  if (second !== undefined)
    throw new GatewayError(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  return { algorithm, value: fields.header(checksumHeader(algorithm)) ?? '' };
}
