import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketPolicyCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../integration/gateway.ts';
import { awsClient } from '../integration/s3-clients.ts';
import { startMinio, type Server } from './servers.ts';

const DENIED = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };
const SSE = 's3:x-amz-server-side-encryption';
const deny = (more: object): object => ({
  Effect: 'Deny',
  Principal: '*',
  Action: 's3:PutObject',
  Resource: 'arn:aws:s3:::policies/*',
  ...more,
});
const HTTPS_ONLY = deny({
  Action: 's3:*',
  Resource: ['arn:aws:s3:::policies', 'arn:aws:s3:::policies/*'],
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
});
const textOf = (...statements: readonly object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });

describe('bucket policies that MinIO keeps', () => {
  let minio: Server;
  let gateway: TestGateway;
  let secure: S3Client;
  let plain: S3Client;
  let direct: S3Client;
  beforeAll(async () => {
    minio = await startMinio({ kms: true });
    const { endpoint, accessKeyId, secretAccessKey } = minio;
    gateway = await startGateway({
      stores: {
        minio: {
          type: 's3',
          endpoint,
          region: 'us-east-1',
          addressing: 'path',
          credentials: { accessKeyId, secretAccessKey },
        },
      },
      policy: {
        version: 1,
        keys: { mine: { minio: 'my-key' } },
        buckets: [
          { match: 'renamed', store: 'minio', name: 'other-{bucket}', encryption: { default: 'managed' } },
          { match: '*', store: 'minio', encryption: { default: 'managed', accept: ['managed', { kms: 'mine' }] } },
        ],
      },
    });
    secure = awsClient(gateway, { secure: true });
    plain = awsClient(gateway);
    direct = new S3Client({
      endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
    });
    for (const Bucket of ['policies', 'renamed']) await secure.send(new CreateBucketCommand({ Bucket }));
  });
  afterAll(async () => {
    await gateway.close();
    await minio.close();
  });
  const put = (s3: S3Client, more: object = {}): Promise<unknown> =>
    s3.send(new PutObjectCommand({ Bucket: 'policies', Key: 'k', Body: 'x', ...more }));

  test('a policy that is put through the gateway is kept there and enforced here: MinIO sees the gateway’s hop only', async () => {
    await secure.send(new PutBucketPolicyCommand({ Bucket: 'policies', Policy: textOf(HTTPS_ONLY) }));
    await expect(put(plain)).rejects.toMatchObject(DENIED);
    await put(secure);
    const { Policy } = await secure.send(new GetBucketPolicyCommand({ Bucket: 'policies' }));
    expect(JSON.parse(Policy ?? '')).toMatchObject({ Statement: [{ Effect: 'Deny' }] });
    await secure.send(new DeleteBucketPolicyCommand({ Bucket: 'policies' }));
    await put(plain);
  });

  test('deny-unencrypted: single writes by their headers, parts by what Create recorded', async () => {
    await secure.send(
      new PutBucketPolicyCommand({
        Bucket: 'policies',
        Policy: textOf(
          deny({ Condition: { StringNotEquals: { [SSE]: 'aws:kms' } } }),
          deny({ Condition: { Null: { [SSE]: 'true' } } }),
        ),
      }),
    );
    await expect(put(secure)).rejects.toMatchObject(DENIED);
    await expect(put(secure, { ServerSideEncryption: 'AES256' })).rejects.toMatchObject(DENIED);
    await expect(put(secure, { ServerSideEncryption: 'AES192' })).rejects.toMatchObject(DENIED);
    const kms = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'my-key' } as const;
    await put(secure, kms);
    const upload = { Bucket: 'policies', Key: 'parts' };
    await expect(secure.send(new CreateMultipartUploadCommand(upload))).rejects.toMatchObject(DENIED);
    const { UploadId } = await secure.send(new CreateMultipartUploadCommand({ ...upload, ...kms }));
    const { ETag } = await secure.send(new UploadPartCommand({ ...upload, UploadId, PartNumber: 1, Body: 'part' }));
    await secure.send(
      new CompleteMultipartUploadCommand({
        ...upload,
        UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
      }),
    );
    const got = await secure.send(new GetObjectCommand(upload));
    expect(got).toMatchObject({ ServerSideEncryption: 'aws:kms' });
    await secure.send(new DeleteBucketPolicyCommand({ Bucket: 'policies' }));
  });

  test('what others put at the store: statements about the client’s hop bind here, the rest is the store’s business', async () => {
    const foreign = {
      Effect: 'Allow',
      Principal: { AWS: ['*'] },
      Action: ['s3:GetObject'],
      Resource: ['arn:aws:s3:::policies/*'],
      Condition: { IpAddress: { 'aws:SourceIp': ['10.0.0.0/8'] } },
    };
    await direct.send(new PutBucketPolicyCommand({ Bucket: 'policies', Policy: textOf(foreign, HTTPS_ONLY) }));
    // A reload asks anew.
    await gateway.runtime.reload();
    await put(secure);
    await expect(put(plain)).rejects.toMatchObject(DENIED);
    await direct.send(new DeleteBucketPolicyCommand({ Bucket: 'policies' }));
    await gateway.runtime.reload();
  });

  test('a bucket that has another name there cannot keep a policy', async () => {
    const policy = textOf(HTTPS_ONLY).replaceAll('policies', 'renamed');
    await expect(secure.send(new PutBucketPolicyCommand({ Bucket: 'renamed', Policy: policy }))).rejects.toMatchObject({
      name: 'NotImplemented',
    });
  });
});
