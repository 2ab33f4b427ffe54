import { randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetBucketEncryptionCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient } from './oss-clients.ts';
import { sending } from './raw-answers.ts';
import { startRecordingStore, type Answer, type Recorded, type Recording } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';

const ID = '1234abcd-12ab-34cd-56ef-1234567890ab';
const ARN = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
/** How the policy writes the key, what the store answers a write with and HEAD with, and what clients see of that. */
const SPELLINGS: readonly (readonly [string, string, string, string, string])[] = [
  ['MinIO, by name', 'testkey-1', 'testkey-1', 'arn:aws:kms:testkey-1', 'testkey-1'],
  ['MinIO, by its prefixed name', 'arn:aws:kms:testkey-1', 'testkey-1', 'arn:aws:kms:testkey-1', 'testkey-1'],
  ['AWS, by id', ID, ARN, ARN, ARN],
  ['AWS, by ARN, from a store that answers ids', ARN, ID, ID, ID],
];
const ETAG = '"11111111111111111111111111111111"';
const KMS = 'x-amz-server-side-encryption';

/** A store that is silent on Copy and Complete, as MinIO is, and spells the key as it is told. */
const store =
  (writes: () => string, reads: () => string) =>
  ({ method, url }: Recorded): Answer => {
    const kms = (key: string): Record<string, string> => ({
      etag: ETAG,
      [KMS]: 'aws:kms',
      [`${KMS}-aws-kms-key-id`]: key,
    });
    if (url.includes('?policy')) return [404, {}, '<Error><Code>NoSuchBucketPolicy</Code></Error>'];
    if (url.includes('?encryption'))
      return [
        200,
        {},
        `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>${reads()}</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`,
      ];
    if (url.includes('list-type')) return [200, {}, '<ListBucketResult></ListBucketResult>'];
    if (method === 'HEAD')
      return [200, { ...kms(reads()), 'content-length': '1', 'last-modified': 'Sat, 21 Nov 2026 10:00:00 GMT' }];
    if (method === 'POST' && url.includes('?uploads'))
      return [200, {}, '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>'];
    if (method === 'POST')
      return [200, {}, `<CompleteMultipartUploadResult><ETag>${ETAG}</ETag></CompleteMultipartUploadResult>`];
    if (url.includes('/copied'))
      return [
        200,
        {},
        `<CopyObjectResult><ETag>${ETAG}</ETag><LastModified>2026-11-21T10:00:00Z</LastModified></CopyObjectResult>`,
      ];
    return [200, kms(writes())];
  };

describe.each(SPELLINGS)('one key in the spelling of %s', (_name, declared, writes, reads, shown) => {
  let recording: Recording;
  let gateway: TestGateway;
  let s3: S3Client;
  beforeAll(async () => {
    recording = await startRecordingStore(
      store(
        () => writes,
        () => reads,
      ),
    );
    gateway = await startGateway({
      policy: {
        version: 1,
        keys: { orders: { remote: declared } },
        buckets: [
          { match: 'kms', store: 'remote', encryption: { default: { kms: 'orders' } } },
          { match: 'own', store: 'remote', encryption: { default: 'store', clients: 'refuse' } },
        ],
      },
      stores: {
        remote: {
          type: 's3',
          endpoint: recording.endpoint,
          region: 'us-east-1',
          capabilities: { kms: [writes] },
          credentials: { accessKeyId: 'AKSTORE', secretAccessKey: randomBytes(20).toString('hex') },
        },
      },
    });
    s3 = awsClient(gateway);
  });
  afterAll(async () => {
    await gateway?.close();
    await recording?.close();
  });

  test('is proven by answers and by HEAD alike', async () => {
    const Bucket = 'kms';
    expect(await s3.send(new PutObjectCommand({ Bucket, Key: 'put', Body: 'x' }))).toMatchObject({
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: writes,
    });
    expect(await s3.send(new CopyObjectCommand({ Bucket, Key: 'copied', CopySource: 'kms/put' }))).toMatchObject({
      SSEKMSKeyId: shown,
    });
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'parts' }));
    await s3.send(new UploadPartCommand({ Bucket, Key: 'parts', UploadId, PartNumber: 1, Body: 'x' }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: ETAG }] };
    expect(
      await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'parts', UploadId, MultipartUpload })),
    ).toMatchObject({ SSEKMSKeyId: shown });
    expect(await gateway.runtime.telemetry.scrape()).not.toContain('not_honoured_total{');
  });

  test.each([writes, reads, declared, 'orders'])('a client may name it %s', async (SSEKMSKeyId) => {
    const asked = { Bucket: 'kms', Key: 'put', Body: 'x', ServerSideEncryption: 'aws:kms', SSEKMSKeyId } as const;
    await s3.send(new PutObjectCommand(asked));
    expect(recording.requests.findLast(({ method }) => method === 'PUT')?.headers[`${KMS}-aws-kms-key-id`]).toBe(
      declared,
    );
    const repeated = sending(awsClient(gateway), { [KMS]: 'aws:kms', [`${KMS}-aws-kms-key-id`]: SSEKMSKeyId });
    const { UploadId } = await repeated.send(new CreateMultipartUploadCommand({ Bucket: 'kms', Key: 'parts' }));
    expect(UploadId).toMatch(/^bsl/);
    // The bucket's own rule names the key in the store's spelling; what is anyway so may be asked.
    await s3.send(new PutObjectCommand({ ...asked, Bucket: 'own' }));
  });

  test('clients of another language see its alias, however the store spells it', async () => {
    const client = ossClient(gateway, { bucket: 'kms' });
    for (const seen of [await client.put('put', Buffer.from('x')), await client.head('put')])
      expect(seen.res.headers['x-oss-server-side-encryption-key-id']).toBe('orders');
    const uploaded = await client.initMultipartUpload('parts', {
      headers: { 'x-oss-server-side-encryption': 'KMS', 'x-oss-server-side-encryption-key-id': reads },
    });
    const part = await client.uploadPart(
      'parts',
      uploaded.uploadId,
      1,
      Buffer.alloc(6 * 1024 * 1024),
      0,
      6 * 1024 * 1024,
      {
        headers: { 'x-oss-server-side-encryption': 'KMS', 'x-oss-server-side-encryption-key-id': writes },
      },
    );
    expect(part.res.status).toBe(200);
  });

  test('another key is refused, and never taken for it', async () => {
    for (const SSEKMSKeyId of ['testkey', `${writes}1`, 'arn:aws:kms:us-east-1:111122223333:key/other'])
      await expect(
        s3.send(
          new PutObjectCommand({ Bucket: 'kms', Key: 'put', Body: 'x', ServerSideEncryption: 'aws:kms', SSEKMSKeyId }),
        ),
      ).rejects.toMatchObject({ name: 'KMS.NotFoundException' });
  });

  test('the bucket’s own rule is shown in the store’s words', async () => {
    const { ServerSideEncryptionConfiguration } = await s3.send(new GetBucketEncryptionCommand({ Bucket: 'own' }));
    expect(ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault).toEqual({
      SSEAlgorithm: 'aws:kms',
      KMSMasterKeyID: shown,
    });
    expect(await s3.send(new HeadObjectCommand({ Bucket: 'own', Key: 'k' }))).toMatchObject({ SSEKMSKeyId: shown });
  });
});
