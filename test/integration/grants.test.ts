import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';

describe('a client with grants on a prefix', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({
      policy: {
        version: 1,
        keys: { k: {} },
        buckets: [
          { match: 'team-*', store: 'local', encryption: { default: { kms: 'k' } } },
          { match: 'other', store: 'local', encryption: { default: 'managed' } },
        ],
      },
      clients: {
        limited: {
          grants: [{ buckets: ['team-a'], prefixes: ['mine/'], actions: ['read', 'write', 'delete', 'list'] }],
          keys: ['k'],
        },
        keyless: { grants: [{ buckets: ['team-*'], actions: ['read', 'write'] }] },
      },
    });
    const s3 = awsClient(gateway);
    for (const Bucket of ['team-a', 'team-b', 'other']) await s3.send(new CreateBucketCommand({ Bucket }));
    for (const Key of ['mine/1', 'theirs/1']) await s3.send(new PutObjectCommand({ Bucket: 'team-a', Key, Body: Key }));
  });
  afterAll(() => gateway.close());

  test('reads, writes and lists under the prefix only', async () => {
    const s3 = awsClient(gateway, { client: gateway.clients['limited']! });
    const denied = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };
    await s3.send(new PutObjectCommand({ Bucket: 'team-a', Key: 'mine/2', Body: 'x' }));
    expect((await s3.send(new ListObjectsV2Command({ Bucket: 'team-a', Prefix: 'mine/' }))).KeyCount).toBe(2);
    await expect(s3.send(new ListObjectsV2Command({ Bucket: 'team-a' }))).rejects.toMatchObject(denied);
    await expect(s3.send(new GetObjectCommand({ Bucket: 'team-a', Key: 'theirs/1' }))).rejects.toMatchObject(denied);
    await expect(s3.send(new PutObjectCommand({ Bucket: 'team-a', Key: 'min', Body: 'x' }))).rejects.toMatchObject(
      denied,
    );
    await expect(s3.send(new GetObjectCommand({ Bucket: 'team-b', Key: 'mine/1' }))).rejects.toMatchObject(denied);
    const { Buckets } = await s3.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual(['team-a']);
    const { Deleted, Errors } = await s3.send(
      new DeleteObjectsCommand({ Bucket: 'team-a', Delete: { Objects: [{ Key: 'mine/2' }, { Key: 'theirs/1' }] } }),
    );
    expect(Deleted?.map(({ Key }) => Key)).toEqual(['mine/2']);
    expect(Errors?.map(({ Key, Code }) => [Key, Code])).toEqual([['theirs/1', 'AccessDenied']]);
  });

  test('nobody writes or reads under a key that is not theirs', async () => {
    const s3 = awsClient(gateway, { client: gateway.clients['keyless']! });
    await expect(s3.send(new PutObjectCommand({ Bucket: 'team-a', Key: 'k', Body: 'x' }))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
    await expect(s3.send(new GetObjectCommand({ Bucket: 'team-a', Key: 'mine/1' }))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
  });

  test('a bucket that no rule matches is refused', async () => {
    const s3 = awsClient(gateway);
    await expect(s3.send(new CreateBucketCommand({ Bucket: 'unmatched' }))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
  });
});
