import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';

describe('an unchanged S3 client that asks for nothing', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({
      policy: {
        version: 1,
        keys: { orders: {} },
        buckets: [{ match: 'orders-*', store: 'local', encryption: { default: { kms: 'orders' } } }],
      },
    });
  });
  afterAll(() => gateway.close());

  test('writes into a KMS bucket, and the object lies sealed', async () => {
    const s3 = awsClient(gateway);
    const canary = `canary-${randomBytes(24).toString('hex')}`;
    await s3.send(new CreateBucketCommand({ Bucket: 'orders-eu' }));
    const put = await s3.send(new PutObjectCommand({ Bucket: 'orders-eu', Key: 'a/b.txt', Body: canary }));
    expect(put.ServerSideEncryption).toBe('aws:kms');
    expect(put.SSEKMSKeyId).toBe('orders');
    const head = await s3.send(new HeadObjectCommand({ Bucket: 'orders-eu', Key: 'a/b.txt' }));
    expect(head).toMatchObject({
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: 'orders',
      ContentLength: canary.length,
    });
    const got = await s3.send(new GetObjectCommand({ Bucket: 'orders-eu', Key: 'a/b.txt' }));
    expect(await got.Body?.transformToString()).toBe(canary);
    expect(gateway.bytesAtRest().includes(canary)).toBe(false);
  });
});
