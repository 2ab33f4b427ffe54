import * as sdk from '@aws-sdk/client-s3';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { s3 } from '../../../../src/dialects/s3/index.ts';
import { GatewayError } from '../../../../src/model/errors.ts';
import type { OperationName, StorageRequest, StorageResult } from '../../../../src/model/operations.ts';
import type { StoreKeyId } from '../../../../src/model/encryption.ts';
import type { WireResponse } from '../../../../src/wire/message.ts';
import { CONTEXT, stream } from './requests.ts';

/** An SDK client whose every request gets this answer. */
function answering(response: WireResponse): sdk.S3Client {
  return new sdk.S3Client({
    region: 'us-east-1',
    endpoint: 'http://127.0.0.1:9',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    requestHandler: {
      handle: async () => ({
        response: {
          statusCode: response.status,
          headers: Object.fromEntries(response.headers),
          body: Readable.from(
            response.body instanceof Uint8Array ? [Buffer.from(response.body)] : (response.body ?? []),
          ),
        } as never,
      }),
    },
  });
}

function reply<N extends OperationName>(request: StorageRequest<N>, result: StorageResult<N>): sdk.S3Client {
  return answering(s3.encodeResponse(request, result, CONTEXT));
}

const AT = Date.UTC(2026, 10, 21, 17, 0, 0);
const KMS = { kind: 'kms', key: 'arn:aws:kms:r:1:key/k' as StoreKeyId, algorithm: 'AES256', layers: 1 } as const;
const PAGE = { bucket: 'b', prefix: '', delimiter: '', maxKeys: 1000 };
const OBJECT = { key: 'a b&c', size: 5, etag: 'e', lastModified: AT, storageClass: 'STANDARD' } as const;
const REF = { bucket: 'b', key: 'k' };
const WRITE = { ...REF, wish: { state: 'absent' }, metadata: { user: {} }, conditions: {} } as const;

describe('the AWS SDK reads our answers', () => {
  test('PutObject', async () => {
    const body = { bytes: stream(new Uint8Array()), length: 0 };
    const client = reply(
      { operation: 'PutObject', ...WRITE, body },
      {
        etag: 'e',
        versionId: 'v',
        encryption: { ...KMS, bucketKey: true, context: { a: 'b' } },
        checksum: { algorithm: 'CRC32', value: 'AAAAAA==', type: 'FULL_OBJECT' },
      },
    );
    expect(await client.send(new sdk.PutObjectCommand({ Bucket: 'b', Key: 'k', Body: '' }))).toMatchObject({
      ETag: '"e"',
      VersionId: 'v',
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: KMS.key,
      BucketKeyEnabled: true,
      SSEKMSEncryptionContext: Buffer.from('{"a":"b"}').toString('base64'),
      ChecksumCRC32: 'AAAAAA==',
      ChecksumType: 'FULL_OBJECT',
    });
  });

  test('GetObject of a range', async () => {
    const client = reply(
      { operation: 'GetObject', ...REF, conditions: {}, checksumMode: false, overrides: { 'content-type': 'x/y' } },
      {
        size: 10,
        etag: 'e',
        lastModified: AT,
        metadata: { contentType: 'text/plain', user: { 'x-amz-iv': 'AbC' } },
        encryption: { kind: 'managed', algorithm: 'AES256' },
        tagCount: 2,
        range: { first: 2, last: 4 },
        content: { kind: 'plain', bytes: stream(Buffer.from('cde')), length: 3 },
      },
    );
    const answer = await client.send(new sdk.GetObjectCommand({ Bucket: 'b', Key: 'k' }));
    expect(await answer.Body?.transformToString()).toBe('cde');
    expect(answer).toMatchObject({
      $metadata: { httpStatusCode: 206, requestId: 'REQUEST' },
      ContentRange: 'bytes 2-4/10',
      ContentLength: 3,
      ContentType: 'x/y',
      ServerSideEncryption: 'AES256',
      TagCount: 2,
      LastModified: new Date(AT),
      Metadata: { 'x-amz-iv': 'AbC' },
    });
  });

  test('ListObjectsV2', async () => {
    const client = reply(
      { operation: 'ListObjectsV2', ...PAGE, delimiter: '/', startAfter: '', fetchOwner: true },
      { objects: [OBJECT], commonPrefixes: ['p/'], truncated: true, keyCount: 2, nextToken: 'token' },
    );
    expect(await client.send(new sdk.ListObjectsV2Command({ Bucket: 'b' }))).toMatchObject({
      IsTruncated: true,
      KeyCount: 2,
      MaxKeys: 1000,
      NextContinuationToken: 'token',
      Contents: [{ Key: 'a b&c', Size: 5, ETag: '"e"', LastModified: new Date(AT), Owner: { ID: '123456789012' } }],
      CommonPrefixes: [{ Prefix: 'p/' }],
    });
  });

  test('ListObjectVersions with a delete marker', async () => {
    const client = reply(
      { operation: 'ListObjectVersions', ...PAGE, keyMarker: '', versionIdMarker: '' },
      {
        objects: [OBJECT, { ...OBJECT, key: 'gone', deleteMarker: true, versionId: 'v', isLatest: false }],
        commonPrefixes: [],
        truncated: false,
      },
    );
    expect(await client.send(new sdk.ListObjectVersionsCommand({ Bucket: 'b' }))).toMatchObject({
      Versions: [{ Key: 'a b&c', VersionId: 'null', IsLatest: true }],
      DeleteMarkers: [{ Key: 'gone', VersionId: 'v', IsLatest: false }],
    });
  });

  test('ListParts', async () => {
    const checksum = { algorithm: 'SHA256', value: 'x', type: 'COMPOSITE' } as const;
    const client = reply(
      { operation: 'ListParts', ...REF, uploadId: 'u', maxParts: 2, partNumberMarker: 0 },
      {
        parts: [{ partNumber: 1, size: 7, etag: 'e', lastModified: AT, checksum }],
        truncated: true,
        nextPartNumberMarker: 1,
        checksumAlgorithm: 'SHA256',
        checksumType: 'COMPOSITE',
      },
    );
    expect(await client.send(new sdk.ListPartsCommand({ Bucket: 'b', Key: 'k', UploadId: 'u' }))).toMatchObject({
      UploadId: 'u',
      IsTruncated: true,
      NextPartNumberMarker: '1',
      ChecksumAlgorithm: 'SHA256',
      Parts: [{ PartNumber: 1, Size: 7, ETag: '"e"', ChecksumSHA256: 'x' }],
    });
  });

  test('GetBucketEncryption, and the 404 of a bucket without a rule', async () => {
    const request = { operation: 'GetBucketEncryption', bucket: 'b' } as const;
    const ask = (rule: StorageResult<'GetBucketEncryption'>['rule']): Promise<sdk.GetBucketEncryptionCommandOutput> =>
      reply(request, { rule }).send(new sdk.GetBucketEncryptionCommand({ Bucket: 'b' }));
    expect((await ask({ ...KMS, bucketKey: true })).ServerSideEncryptionConfiguration).toEqual({
      Rules: [
        {
          ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: KMS.key },
          BucketKeyEnabled: true,
        },
      ],
    });
    await expect(ask(undefined)).rejects.toMatchObject({
      name: 'ServerSideEncryptionConfigurationNotFoundError',
      $metadata: { httpStatusCode: 404 },
    });
  });

  test('GetBucketReplication of keep-source names the replica key', async () => {
    const client = reply(
      { operation: 'GetBucketReplication', bucket: 'b' },
      {
        replication: {
          rule: 'keep-source',
          kmsObjects: 'replicate',
          replicaKey: 'orders',
          targets: [{ bucket: 'copy', prefix: 'p/', deletes: true }],
        },
      },
    );
    const { ReplicationConfiguration } = await client.send(new sdk.GetBucketReplicationCommand({ Bucket: 'b' }));
    expect(ReplicationConfiguration?.Rules).toMatchObject([
      {
        Status: 'Enabled',
        Filter: { Prefix: 'p/' },
        SourceSelectionCriteria: { SseKmsEncryptedObjects: { Status: 'Enabled' } },
        Destination: { Bucket: 'arn:aws:s3:::copy', EncryptionConfiguration: { ReplicaKmsKeyID: 'orders' } },
        DeleteMarkerReplication: { Status: 'Enabled' },
      },
    ]);
  });

  test('CopyObject', async () => {
    const client = reply(
      {
        operation: 'CopyObject',
        ...WRITE,
        source: { bucket: 's', key: 'k', versionId: 'sv' },
        sourceConditions: {},
        metadataDirective: 'COPY',
        taggingDirective: 'COPY',
      },
      { etag: 'e', lastModified: AT, encryption: { ...KMS, layers: 2 } },
    );
    expect(await client.send(new sdk.CopyObjectCommand({ Bucket: 'b', Key: 'k', CopySource: '/s/k' }))).toMatchObject({
      CopyObjectResult: { ETag: '"e"', LastModified: new Date(AT) },
      ServerSideEncryption: 'aws:kms:dsse',
      CopySourceVersionId: 'sv',
    });
  });

  test('GetObjectAcl', async () => {
    const client = reply({ operation: 'GetObjectAcl', ...REF }, { acl: 'public-read' });
    const answer = await client.send(new sdk.GetObjectAclCommand({ Bucket: 'b', Key: 'k' }));
    expect(answer.Grants).toMatchObject([
      { Grantee: { Type: 'CanonicalUser', ID: '123456789012' }, Permission: 'FULL_CONTROL' },
      { Grantee: { Type: 'Group', URI: 'http://acs.amazonaws.com/groups/global/AllUsers' }, Permission: 'READ' },
    ]);
  });

  test('DeleteObjects with a failed key', async () => {
    const client = reply(
      { operation: 'DeleteObjects', bucket: 'b', objects: [], quiet: false },
      { deleted: [{ key: 'a' }], errors: [{ key: 'c', code: 'AccessDenied', message: 'no' }] },
    );
    const answer = await client.send(
      new sdk.DeleteObjectsCommand({ Bucket: 'b', Delete: { Objects: [{ Key: 'a' }] } }),
    );
    expect([answer.Deleted, answer.Errors]).toEqual([
      [{ Key: 'a' }],
      [{ Key: 'c', Code: 'AccessDenied', Message: 'no' }],
    ]);
  });

  test('errors become the SDK’s classes', async () => {
    const get = (code: 'NoSuchKey' | 'KMS.NotFoundException'): Promise<unknown> =>
      answering(s3.encodeError(new GatewayError(code, 'the message'), CONTEXT)).send(
        new sdk.GetObjectCommand({ Bucket: 'b', Key: 'k' }),
      );
    await expect(get('NoSuchKey')).rejects.toBeInstanceOf(sdk.NoSuchKey);
    await expect(get('KMS.NotFoundException')).rejects.toMatchObject({
      name: 'KMS.NotFoundException',
      message: 'the message',
      $metadata: { httpStatusCode: 400 },
    });
  });

  test('an encryption without a name here has no standard header', () => {
    const { headers } = s3.encodeResponse(
      { operation: 'HeadObject', ...REF, conditions: {}, checksumMode: false, overrides: {} },
      {
        size: 1,
        etag: 'e',
        lastModified: AT,
        metadata: { user: {} },
        encryption: { kind: 'managed', algorithm: 'SM4' },
      },
      CONTEXT,
    );
    expect(headers.filter(([name]) => name.includes('encryption'))).toEqual([['x-bucketseal-encryption', 'SM4']]);
  });
});
