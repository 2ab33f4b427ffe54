import { GatewayError } from '../../../model/errors.ts';
import type { StorageRequest } from '../../../model/operations.ts';
import type { ClientEncryption } from '../words/encryption.ts';
import { encodingType, given, invalid, pageSize } from './parameters.ts';
import type { Fields } from './parameters.ts';
import type { ListOperation } from '../operations.ts';

// S3: a page has 1,000 entries at most, of buckets 10,000.
const PAGE = 1000;
const BUCKET_PAGE = 10_000;
// Part numbers end at 10,000; a marker beyond lists nothing.
const LAST = 10_000;

export function decodeListOperation(
  operation: ListOperation,
  fields: Fields,
  { customerKey }: ClientEncryption,
): StorageRequest {
  const { bucket, query } = fields;
  const text = (name: string): string => checkedText(query(name) ?? '');
  const page = (): {
    readonly bucket: string;
    readonly prefix: string;
    readonly delimiter: string;
    readonly encodingType?: 'url';
  } => ({ bucket, prefix: text('prefix'), delimiter: text('delimiter'), ...encodingType(fields) });
  switch (operation) {
    case 'ListBuckets':
      return listBuckets(fields);
    case 'ListObjects':
      return { operation, ...page(), maxKeys: pageSize(fields, 'max-keys', PAGE), marker: text('marker') };
    case 'ListObjectsV2': {
      const token = query('continuation-token');
      if (token === '') throw invalid('continuation-token', '', 'The continuation token provided is incorrect');
      return {
        operation,
        ...page(),
        maxKeys: pageSize(fields, 'max-keys', PAGE),
        startAfter: text('start-after'),
        fetchOwner: query('fetch-owner') === 'true',
        ...given('continuationToken', token),
      };
    }
    case 'ListObjectVersions': {
      const [keyMarker, versionIdMarker] = [text('key-marker'), text('version-id-marker')];
      if (versionIdMarker !== '' && keyMarker === '')
        throw invalid(
          'version-id-marker',
          versionIdMarker,
          'A version-id marker cannot be specified without a key marker.',
        );
      return { operation, ...page(), maxKeys: pageSize(fields, 'max-keys', PAGE), keyMarker, versionIdMarker };
    }
    case 'ListMultipartUploads':
      return {
        operation,
        ...page(),
        keyMarker: text('key-marker'),
        uploadIdMarker: text('upload-id-marker'),
        maxUploads: pageSize(fields, 'max-uploads', PAGE),
      };
    case 'ListParts':
      return {
        operation,
        bucket,
        key: fields.key,
        uploadId: query('uploadId') ?? '',
        maxParts: pageSize(fields, 'max-parts', PAGE),
        partNumberMarker: query('part-number-marker') === undefined ? 0 : pageSize(fields, 'part-number-marker', LAST),
        ...encodingType(fields),
        ...given('customerKey', customerKey),
      };
  }
}

/** A bucket token is the last name in base64url: opaque to clients and made of unreserved characters. */
export function encodeBucketToken(marker: string): string {
  return Buffer.from(marker, 'utf8').toString('base64url');
}

function listBuckets(fields: Fields): StorageRequest<'ListBuckets'> {
  const { query } = fields;
  const token = query('continuation-token');
  const size = query('max-buckets');
  if (size !== undefined && !(/^\d{1,5}$/.test(size) && Number(size) >= 1 && Number(size) <= BUCKET_PAGE))
    throw invalid('max-buckets', size, 'Argument max-buckets must be an integer between 1 and 10000');
  if (query('bucket-region') !== undefined)
    throw new GatewayError('NotImplemented', 'ListBuckets with bucket-region is not implemented.');
  const marker = token === undefined ? undefined : Buffer.from(token, 'base64url').toString('utf8');
  if (marker !== undefined && (marker === '' || encodeBucketToken(marker) !== token))
    throw invalid('continuation-token', token ?? '', 'The continuation token provided is incorrect');
  return {
    operation: 'ListBuckets',
    ...given('prefix', query('prefix')),
    ...given('marker', marker),
    ...given('maxKeys', size === undefined ? undefined : Number(size)),
  };
}

function checkedText(text: string): string {
  if (text.includes('\0')) throw invalid('prefix', '', 'A query value must not hold NUL.');
  return text;
}
