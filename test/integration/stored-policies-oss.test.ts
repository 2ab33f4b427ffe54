import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient, type AliOssClient } from './oss-clients.ts';
import { awsClient } from './s3-clients.ts';

/** help.aliyun.com, "Use bucket policies": HTTPS only. */
const HTTPS_ONLY = (bucket: string): object => ({
  Version: '1',
  Statement: [
    {
      Effect: 'Deny',
      Action: ['oss:*'],
      Principal: ['*'],
      Resource: [`acs:oss:*:*:${bucket}`, `acs:oss:*:*:${bucket}/*`],
      Condition: { Bool: { 'acs:SecureTransport': ['false'] } },
    },
  ],
});
const DENIED = { status: 403, code: 'AccessDenied', message: expect.stringContaining('bucket policy') as string };

describe.each([
  ['V1', false],
  ['V4', true],
])('acs:SecureTransport through ali-oss, %s', (_name, v4) => {
  const bucket = `policy-${v4 ? 'four' : 'one'}`;
  let gateway: TestGateway;
  let plain: AliOssClient;
  let secure: AliOssClient;
  beforeAll(async () => {
    gateway = await startGateway({
      policy: { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' } }] },
    });
    plain = ossClient(gateway, { bucket, v4 });
    secure = ossClient(gateway, { bucket, v4, secure: true });
    await secure.putBucket(bucket);
    await secure.putBucketPolicy(bucket, HTTPS_ONLY(bucket));
  });
  afterAll(() => gateway.close());

  test('over HTTP every request is refused in OSS’s words, over HTTPS none is', async () => {
    await secure.put('k', Buffer.from('x'));
    await expect(plain.put('k', Buffer.from('y'))).rejects.toMatchObject(DENIED);
    await expect(plain.get('k')).rejects.toMatchObject(DENIED);
    await expect(plain.list({ 'max-keys': 10 })).rejects.toMatchObject(DENIED);
    await expect(plain.initMultipartUpload('k')).rejects.toMatchObject(DENIED);
    await expect(plain.deleteMulti(['k'])).rejects.toMatchObject({ code: 'AccessDenied' });
    expect((await secure.get('k')).content.toString()).toBe('x');
  });

  test('an S3 client is bound by it as well', async () => {
    const put = new PutObjectCommand({ Bucket: bucket, Key: 's3', Body: 'x' });
    await expect(awsClient(gateway).send(put)).rejects.toMatchObject({ name: 'AccessDenied' });
    await awsClient(gateway, { secure: true }).send(put);
  });

  test('it is read as it was written, and gone when deleted', async () => {
    expect((await secure.getBucketPolicy(bucket)).policy).toEqual(HTTPS_ONLY(bucket));
    await secure.deleteBucketPolicy(bucket);
    await plain.put('k', Buffer.from('y'));
    // ali-oss passes this one answer on without an error.
    expect(await secure.getBucketPolicy(bucket)).toMatchObject({ policy: null, status: 404 });
    await secure.putBucketPolicy(bucket, HTTPS_ONLY(bucket));
    await expect(plain.put('k', Buffer.from('y'))).rejects.toMatchObject(DENIED);
  });

  test('what cannot be enforced is refused, naming it', async () => {
    const change = (more: object): object => ({
      Version: '1',
      Statement: [{ ...(HTTPS_ONLY(bucket) as { Statement: object[] }).Statement[0], ...more }],
    });
    for (const [more, named] of [
      [{ Condition: { IpAddress: { 'acs:SourceIp': ['10.0.0.0/8'] } } }, 'acs:SourceIp'],
      [{ Effect: 'Allow' }, 'Allow'],
      [{ Principal: ['20214760404935xxxx'] }, '20214760404935xxxx'],
      [{ Action: ['oss:PutBucketTransferAcceleration'] }, 'TransferAcceleration'],
    ] as const)
      await expect(secure.putBucketPolicy(bucket, change(more))).rejects.toMatchObject({
        code: 'NotImplemented',
        message: expect.stringContaining(named) as string,
      });
    await expect(secure.putBucketPolicy(bucket, HTTPS_ONLY('another'))).rejects.toMatchObject({
      code: expect.stringMatching(/Malformed|InvalidPolicy/) as string,
    });
  });
});
