import { GatewayError } from '../../../model/errors.ts';
import type { CannedAcl, ReplicationRules } from '../../../model/objects.ts';
import type { WireResponse } from '../../../wire/message.ts';
import { formatIsoSeconds } from '../../../wire/http-date.ts';
import type { XmlNode } from '../../../wire/xml-document.ts';
import type { EncodeContext } from '../../dialect.ts';
import { baseHeaders, emptyAnswer, locationOf, ownerIn, xmlAnswer } from './answer.ts';
import { encodeBucketRule, encodeFlatRule } from '../words/bucket-encryption.ts';
import { encodeError } from '../errors.ts';
import { encodeStorageClass } from '../words/storage-class.ts';
import type { Encoder } from './response-encoder.ts';

type BucketOperation =
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
  | 'DeleteBucketPolicy';

/** Answers about one bucket. */
export const BUCKET_ENCODERS: { readonly [N in BucketOperation]: Encoder<N> } = {
  CreateBucket: (request, _result, context) => emptyAnswer(context, 200, [['location', `/${request.bucket}`]]),
  HeadBucket: (_request, result, context) =>
    emptyAnswer(context, 200, [['x-oss-bucket-region', locationOf(result.region)]]),
  DeleteBucket: (_request, _result, context) => emptyAnswer(context, 204),
  GetBucketLocation: (_request, result, context) =>
    xmlAnswer(context, ['LocationConstraint', locationOf(result.region)]),
  GetBucketInfo: (request, result, context) =>
    xmlAnswer(context, [
      'BucketInfo',
      [
        [
          'Bucket',
          [
            ['AccessMonitor', 'Disabled'],
            ['CreationDate', formatIsoSeconds(result.createdAt)],
            ['ExtranetEndpoint', context.host],
            ['IntranetEndpoint', context.host],
            ['Location', locationOf(result.region)],
            ['StorageClass', encodeStorageClass(result.storageClass)],
            ['DataRedundancyType', 'LRS'],
            ['Name', request.bucket],
            ownerIn(context),
            ['AccessControlList', [['Grant', result.acl]]],
            encodeFlatRule(result.encryption),
            [
              'BucketPolicy',
              [
                ['LogBucket', ''],
                ['LogPrefix', ''],
              ],
            ],
          ],
        ],
      ],
    ]),
  GetBucketStat: (_request, result, context) =>
    xmlAnswer(context, [
      'BucketStat',
      [
        ['Storage', result.bytes],
        ['ObjectCount', result.objects],
        ['MultipartUploadCount', result.uploads],
        ['LiveChannelCount', 0],
        ['LastModifiedTime', Math.floor(context.now / 1000)],
        ['StandardStorage', result.bytes],
        ['StandardObjectCount', result.objects],
      ],
    ]),
  GetBucketAcl: (_request, result, context) => xmlAnswer(context, aclDocument(result.acl, context)),
  PutBucketAcl: (_request, _result, context) => emptyAnswer(context, 200),
  GetBucketVersioning: (_request, result, context) =>
    xmlAnswer(context, [
      'VersioningConfiguration',
      [result.status === undefined ? undefined : ['Status', result.status]],
    ]),
  GetBucketEncryption: (_request, result, context) =>
    result.rule === undefined
      ? missing(
          context,
          'ServerSideEncryptionConfigurationNotFoundError',
          'The server side encryption configuration was not found.',
        )
      : xmlAnswer(context, encodeBucketRule(result.rule)),
  PutBucketEncryption: (_request, _result, context) => emptyAnswer(context, 200),
  DeleteBucketEncryption: (_request, _result, context) => emptyAnswer(context, 204),
  GetBucketReplication: (request, result, context) =>
    xmlAnswer(context, ['ReplicationConfiguration', replicationElements(request.bucket, result.replication)]),
  PutBucketReplication: (_request, _result, context) => emptyAnswer(context, 200),
  DeleteBucketReplication: (_request, _result, context) => emptyAnswer(context, 200),
  GetBucketPolicy: (_request, result, context) => {
    if (result.document === undefined)
      return missing(context, 'NoSuchBucketPolicy', 'The bucket policy does not exist.');
    const body = Buffer.from(result.document, 'utf8');
    return {
      status: 200,
      headers: [...baseHeaders(context), ['content-type', 'application/json'], ['content-length', String(body.length)]],
      body,
    };
  },
  PutBucketPolicy: (_request, _result, context) => emptyAnswer(context, 200),
  DeleteBucketPolicy: (_request, _result, context) => emptyAnswer(context, 204),
};

/** The ACL document of a bucket or an object. */
export function aclDocument(acl: CannedAcl, context: EncodeContext): XmlNode {
  return ['AccessControlPolicy', [ownerIn(context), ['AccessControlList', [['Grant', acl]]]]];
}

function replicationElements(bucket: string, replication: ReplicationRules): readonly XmlNode[] {
  return replication.targets.map((target, index) => [
    'Rule',
    [
      ['ID', `${bucket}-${index + 1}`],
      target.prefix === '' ? undefined : ['PrefixSet', [['Prefix', target.prefix]]],
      ['Action', target.deletes ? 'ALL' : 'PUT'],
      ['Destination', [['Bucket', target.bucket]]],
      ['Status', 'doing'],
      ['HistoricalObjectReplication', 'disabled'],
      // Alibaba: SyncRole is mandatory with KMS.
      replication.kmsObjects === 'replicate' ? ['SyncRole', 'bucketseal'] : undefined,
      replication.kmsObjects === 'replicate'
        ? ['SourceSelectionCriteria', [['SseKmsEncryptedObjects', [['Status', 'Enabled']]]]]
        : undefined,
      replication.replicaKey === undefined
        ? undefined
        : ['EncryptionConfiguration', [['ReplicaKmsKeyID', replication.replicaKey]]],
    ],
  ]);
}

function missing(
  context: EncodeContext,
  code: 'ServerSideEncryptionConfigurationNotFoundError' | 'NoSuchBucketPolicy',
  message: string,
): WireResponse {
  const details = context.bucket === undefined ? {} : { BucketName: context.bucket };
  return encodeError(new GatewayError(code, message, { details }), context);
}
