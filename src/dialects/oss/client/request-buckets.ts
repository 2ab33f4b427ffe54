import { GatewayError } from '../../../model/errors.ts';
import { childText, childOf, childrenOf, parseXml } from '../../../wire/xml-document.ts';
import { documentLimit } from '../../document.ts';
import { decodeBucketRule } from '../words/bucket-encryption.ts';
import { decodeAcl } from '../words/metadata.ts';
import { count, encodingType, header, invalid, malformedXml, optional, text, textBody, xmlBody } from './parameters.ts';
import type { Decoder, DecoderInput } from './request-decoder.ts';
import { decodeStorageClass } from '../words/storage-class.ts';

/** OSS: 100 by default, 1000 at most. */
const PAGE = { least: 1, most: 1000, fallback: 100 } as const;
const MAX_UPLOADS = { least: 1, most: 1000, fallback: 1000 } as const;
const MAX_DELETES = 1000;
const MALFORMED_DELETE = '0016-00000608';
/** Bytes of a bucket policy (OSS: 16 KB). */
const MAX_POLICY = 16 * 1024;
const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

type BucketOperation =
  | 'ListBuckets'
  | 'CreateBucket'
  | 'HeadBucket'
  | 'DeleteBucket'
  | 'GetBucketLocation'
  | 'GetBucketInfo'
  | 'GetBucketStat'
  | 'GetBucketAcl'
  | 'PutBucketAcl'
  | 'GetBucketVersioning'
  | 'GetBucketEncryption'
  | 'PutBucketEncryption'
  | 'DeleteBucketEncryption'
  | 'GetBucketReplication'
  | 'PutBucketReplication'
  | 'DeleteBucketReplication'
  | 'GetBucketPolicy'
  | 'PutBucketPolicy'
  | 'DeleteBucketPolicy'
  | 'ListObjects'
  | 'ListObjectsV2'
  | 'ListObjectVersions'
  | 'ListMultipartUploads'
  | 'DeleteObjects';

/** Requests about the service and about buckets. */
export const BUCKET_DECODERS: { readonly [N in BucketOperation]: Decoder<N> } = {
  ListBuckets: ({ request }) => {
    const [prefix, marker] = [optional(request, 'prefix'), optional(request, 'marker')];
    return {
      operation: 'ListBuckets',
      ...(prefix === undefined ? {} : { prefix }),
      ...(marker === undefined ? {} : { marker }),
      maxKeys: count(request, 'max-keys', PAGE),
    };
  },
  CreateBucket: async (input) => {
    const { request, bucket, wish } = input;
    if (!BUCKET_NAME.test(bucket))
      throw new GatewayError('InvalidBucketName', 'The specified bucket is not valid.', {
        details: { BucketName: bucket },
      });
    await checkBucketConfiguration(input.request);
    const acl = header(request, 'x-oss-acl');
    return { operation: 'CreateBucket', bucket, wish, ...(acl === undefined ? {} : { acl: decodeAcl(acl, 'bucket') }) };
  },
  HeadBucket: ({ bucket }) => ({ operation: 'HeadBucket', bucket }),
  DeleteBucket: ({ bucket }) => ({ operation: 'DeleteBucket', bucket }),
  GetBucketLocation: ({ bucket }) => ({ operation: 'GetBucketLocation', bucket }),
  GetBucketInfo: ({ bucket }) => ({ operation: 'GetBucketInfo', bucket }),
  GetBucketStat: ({ bucket }) => ({ operation: 'GetBucketStat', bucket }),
  GetBucketAcl: ({ bucket }) => ({ operation: 'GetBucketAcl', bucket }),
  PutBucketAcl: ({ request, bucket }) => ({
    operation: 'PutBucketAcl',
    bucket,
    acl: decodeAcl(header(request, 'x-oss-acl') ?? '', 'bucket'),
  }),
  GetBucketVersioning: ({ bucket }) => ({ operation: 'GetBucketVersioning', bucket }),
  GetBucketEncryption: ({ bucket }) => ({ operation: 'GetBucketEncryption', bucket }),
  PutBucketEncryption: async ({ request, bucket }) => ({
    operation: 'PutBucketEncryption',
    bucket,
    rule: decodeBucketRule(
      await xmlBody(request, {
        root: 'ServerSideEncryptionRule',
        limit: documentLimit('PutBucketEncryption'),
      }),
    ),
  }),
  DeleteBucketEncryption: ({ bucket }) => ({ operation: 'DeleteBucketEncryption', bucket }),
  GetBucketReplication: ({ bucket }) => ({ operation: 'GetBucketReplication', bucket }),
  PutBucketReplication: ({ request, bucket }) => {
    if (text(request, 'comp') !== 'add') throw invalid('comp', 'comp must be add or delete.', text(request, 'comp'));
    return { operation: 'PutBucketReplication', bucket };
  },
  DeleteBucketReplication: ({ bucket }) => ({ operation: 'DeleteBucketReplication', bucket }),
  GetBucketPolicy: ({ bucket }) => ({ operation: 'GetBucketPolicy', bucket }),
  PutBucketPolicy: async ({ request, bucket }) => ({
    operation: 'PutBucketPolicy',
    bucket,
    document: await textBody(request, MAX_POLICY),
  }),
  DeleteBucketPolicy: ({ bucket }) => ({ operation: 'DeleteBucketPolicy', bucket }),
  ListObjects: (input) => ({ operation: 'ListObjects', ...page(input), marker: text(input.request, 'marker') }),
  ListObjectsV2: (input) => {
    const continuationToken = optional(input.request, 'continuation-token');
    return {
      operation: 'ListObjectsV2',
      ...page(input),
      ...(continuationToken === undefined ? {} : { continuationToken }),
      startAfter: text(input.request, 'start-after'),
      fetchOwner: text(input.request, 'fetch-owner') === 'true',
    };
  },
  ListObjectVersions: (input) => ({
    operation: 'ListObjectVersions',
    ...page(input),
    keyMarker: text(input.request, 'key-marker'),
    versionIdMarker: text(input.request, 'version-id-marker'),
  }),
  ListMultipartUploads: ({ request, bucket }) => ({
    operation: 'ListMultipartUploads',
    bucket,
    prefix: text(request, 'prefix'),
    delimiter: text(request, 'delimiter'),
    keyMarker: text(request, 'key-marker'),
    uploadIdMarker: text(request, 'upload-id-marker'),
    maxUploads: count(request, 'max-uploads', MAX_UPLOADS),
    ...encodingType(request),
  }),
  DeleteObjects: async ({ request, bucket }) => {
    const root = await xmlBody(request, {
      root: 'Delete',
      limit: documentLimit('DeleteObjects'),
      counts: { Object: MAX_DELETES },
      ec: MALFORMED_DELETE,
    });
    const objects = childrenOf(root, 'Object').map((object) => {
      const [key, version] = [childText(object, 'Key') ?? '', childText(object, 'VersionId')];
      if (key === '') throw malformedXml();
      return version === undefined || version === '' ? { key } : { key, versionId: version };
    });
    if (objects.length === 0) throw malformedXml(MALFORMED_DELETE);
    const quiet = childOf(root, 'Quiet')?.text.trim().toLowerCase() === 'true';
    return { operation: 'DeleteObjects', bucket, objects, quiet, ...encodingType(request) };
  },
};

/** A body is optional. A bucket's own class and redundancy are not the model's: what asks for others than OSS's defaults is refused. */
async function checkBucketConfiguration(request: DecoderInput['request']): Promise<void> {
  const body = await textBody(request, documentLimit('CreateBucket'));
  if (body.trim() === '') return;
  const outcome = parseXml(Buffer.from(body, 'utf8'));
  if (!outcome.ok || outcome.root.name !== 'CreateBucketConfiguration') throw malformedXml();
  const storageClass = childText(outcome.root, 'StorageClass')?.trim();
  if (storageClass !== undefined && storageClass !== '' && decodeStorageClass(storageClass) !== 'STANDARD')
    throw new GatewayError('NotImplemented', `A bucket of the storage class ${storageClass} is not implemented.`);
  const redundancy = childText(outcome.root, 'DataRedundancyType')?.trim();
  if (redundancy !== undefined && redundancy !== '' && redundancy !== 'LRS')
    throw new GatewayError('NotImplemented', `A bucket of the redundancy ${redundancy} is not implemented.`);
}

function page({ request, bucket }: DecoderInput): {
  bucket: string;
  prefix: string;
  delimiter: string;
  maxKeys: number;
  encodingType?: 'url';
} {
  return {
    bucket,
    prefix: text(request, 'prefix'),
    delimiter: text(request, 'delimiter'),
    maxKeys: count(request, 'max-keys', PAGE),
    ...encodingType(request),
  };
}
