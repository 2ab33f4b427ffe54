import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketEncryptionCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startJdWorld, type JdWorld } from './jd-world.ts';
import { awsClient } from './s3-clients.ts';
import type { Wiretap } from './wiretap.ts';

const KMS = { ServerSideEncryption: 'aws:kms' };

let world: JdWorld;
let s3: S3Client;
let direct: S3Client;
let wire: Wiretap;
beforeAll(async () => {
  world = await startJdWorld();
  ({ s3, direct, wire } = world);
});
afterAll(() => world.close());
beforeEach(() => {
  wire.rewrite(undefined);
  wire.clear();
});

describe('the bucket’s rule at the store', () => {
  test('set: is made before the first write, once per interval', async () => {
    const Bucket = 'set-first';
    await s3.send(new CreateBucketCommand({ Bucket }));
    expect(await world.ruleOf(Bucket)).toBeUndefined();
    wire.clear();
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k2', Body: 'x' }));
    const seen = wire.requests.map(({ method, target }) => `${method} ${target.replace(/[=&].*/, '')}`);
    expect(seen.filter((line) => !line.endsWith('?policy'))).toEqual([
      `GET /${Bucket}?encryption`,
      `PUT /${Bucket}?encryption`,
      `GET /${Bucket}?encryption`,
      `PUT /${Bucket}/k`,
      `PUT /${Bucket}/k2`,
    ]);
    expect(await world.ruleOf(Bucket)).toBe('aws:kms');
  });

  test('set: a rule removed behind the gateway’s back is noticed and set again', async () => {
    const Bucket = 'set-again';
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    await direct.send(new DeleteBucketEncryptionCommand({ Bucket }));
    world.outliveRule();
    expect(await s3.send(new PutObjectCommand({ Bucket, Key: 'k2', Body: 'x' }))).toMatchObject(KMS);
    expect(await world.ruleOf(Bucket)).toBe('aws:kms');
  });

  test('verify: without the rule nothing is sent; with it writes pass; removed, it is noticed after the interval', async () => {
    const Bucket = 'verify-first';
    await s3.send(new CreateBucketCommand({ Bucket }));
    wire.clear();
    const put = (Key: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
    await expect(put('k')).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
    await expect(s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'k' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 503 },
    });
    expect(world.writes()).toEqual([]);
    expect(wire.requests.every(({ bytes }) => bytes() === 0)).toBe(true);

    await world.setRule(Bucket);
    expect(await put('k')).toMatchObject(KMS);

    await direct.send(new DeleteBucketEncryptionCommand({ Bucket }));
    world.outliveRule();
    wire.clear();
    await expect(put('k2')).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
    expect(world.writes()).toEqual([]);
    expect(await world.ruleOf(Bucket)).toBeUndefined();
  });

  test('verify: another rule is refused as well, and nothing is sent', async () => {
    const Bucket = 'verify-other';
    await s3.send(new CreateBucketCommand({ Bucket }));
    const plain = awsClient(world.store);
    await plain.send(
      new PutBucketEncryptionCommand({
        Bucket,
        ServerSideEncryptionConfiguration: {
          Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
      }),
    );
    expect(await world.ruleOf(Bucket)).toBe('AES256');
    wire.clear();
    await expect(s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 503 },
    });
    expect(world.writes()).toEqual([]);
    expect(await world.ruleOf(Bucket)).toBe('AES256');
  });

  test('within the interval the answer is still attested: silence is no encryption', async () => {
    const Bucket = 'lying-between';
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    await direct.send(new DeleteBucketEncryptionCommand({ Bucket }));
    await expect(s3.send(new PutObjectCommand({ Bucket, Key: 'k2', Body: 'x' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 502 },
    });
    wire.clear();
    // Caught once, not believed again, though the rule were back.
    await world.setRule(Bucket);
    await expect(s3.send(new PutObjectCommand({ Bucket, Key: 'k3', Body: 'x' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 502 },
    });
    expect(world.writes()).toEqual([]);
  });

  test('an answer that hides its encryption is checked by asking again', async () => {
    const Bucket = 'lying-silent';
    await s3.send(new CreateBucketCommand({ Bucket }));
    wire.rewrite((name, value) => (name === 'x-aws-server-side-encryption' ? undefined : value));
    await expect(s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 502 },
    });
    expect(wire.requests.map(({ method }) => method)).toContain('HEAD');
  });

  test('where the policy leaves it to the store, clients set aws:kms through the gateway, and nothing else', async () => {
    const Bucket = 'own-rule';
    await s3.send(new CreateBucketCommand({ Bucket }));
    const rule = (SSEAlgorithm: 'AES256' | 'aws:kms'): PutBucketEncryptionCommand =>
      new PutBucketEncryptionCommand({
        Bucket,
        ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm } }] },
      });
    expect((await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }))).ServerSideEncryption).toBeUndefined();
    await expect(s3.send(rule('AES256'))).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
    await s3.send(rule('aws:kms'));
    expect(await world.ruleOf(Bucket)).toBe('aws:kms');
    expect(await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }))).toMatchObject(KMS);
  });
});
