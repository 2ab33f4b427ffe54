import * as sdk from '@aws-sdk/client-s3';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  GetObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { Client as MinioClient } from 'minio';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient, type AliOssClient } from './oss-clients.ts';
import { rawRequest } from './raw-answers.ts';
import { awsClient } from './s3-clients.ts';

let gateway: TestGateway;
let s3: S3Client;
beforeAll(async () => {
  gateway = await startGateway({
    policy: { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' } }] },
  });
  s3 = awsClient(gateway);
});
afterAll(() => gateway.close());
beforeEach(async () => {
  for (const Bucket of ['empty', 'full']) await s3.send(new CreateBucketCommand({ Bucket })).catch(() => undefined);
  await s3.send(new PutObjectCommand({ Bucket: 'full', Key: 'k', Body: 'old' }));
});

async function expectUntouched(): Promise<void> {
  await s3.send(new HeadBucketCommand({ Bucket: 'empty' }));
  await expect(s3.send(new HeadBucketCommand({ Bucket: 'new' }))).rejects.toMatchObject({ name: 'NotFound' });
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'full', Key: 'k' }));
  expect(await Body?.transformToString()).toBe('old');
}

/** An SDK that knows sub-resources of tomorrow. */
function adding(client: S3Client, query: Readonly<Record<string, string>>): S3Client {
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args as unknown as { request: { query: Record<string, string> } };
      Object.assign(request.query, query);
      return next(args);
    },
    { step: 'build', name: 'moreQuery' },
  );
  return client;
}

describe('a name without a value that no operation knows', () => {
  const NOT_IMPLEMENTED = { name: 'NotImplemented', $metadata: { httpStatusCode: 501 } };
  const calls: Readonly<Record<string, (client: S3Client) => Promise<unknown>>> = {
    'PUT of a bucket': (client) => client.send(new CreateBucketCommand({ Bucket: 'new' })),
    'DELETE of a bucket': (client) => client.send(new DeleteBucketCommand({ Bucket: 'empty' })),
    'POST of a bucket': (client) =>
      client.send(new sdk.DeleteObjectsCommand({ Bucket: 'full', Delete: { Objects: [{ Key: 'k' }] } })),
    'PUT of an object': (client) => client.send(new PutObjectCommand({ Bucket: 'full', Key: 'k', Body: 'new' })),
    'copy onto an object': (client) =>
      client.send(
        new sdk.CopyObjectCommand({
          Bucket: 'full',
          Key: 'k',
          CopySource: 'full/k',
          MetadataDirective: 'REPLACE',
          Metadata: { changed: 'yes' },
        }),
      ),
    'DELETE of an object': (client) => client.send(new sdk.DeleteObjectCommand({ Bucket: 'full', Key: 'k' })),
    'POST of an object': (client) => client.send(new sdk.CreateMultipartUploadCommand({ Bucket: 'full', Key: 'k' })),
  };
  test.each(Object.entries(calls))('%s is not the older call', async (_name, call) => {
    await expect(call(adding(awsClient(gateway), { somethingNew: '' }))).rejects.toMatchObject(NOT_IMPLEMENTED);
    await expectUntouched();
  });

  test('names with a value are parameters, which S3 ignores where it knows none', async () => {
    const traced = adding(awsClient(gateway), { 'x-trace': 'abc', 'x-id': 'PutObject' });
    await traced.send(new PutObjectCommand({ Bucket: 'full', Key: 'traced', Body: 'x' }));
    await traced.send(new sdk.DeleteObjectCommand({ Bucket: 'full', Key: 'traced' }));
  });

  test('what belongs to an object deletes and creates no bucket, where the key is empty by mistake', async () => {
    for (const query of [
      { uploadId: 'u' },
      { versionId: 'v' },
      { partNumber: '1', uploadId: 'u' },
      { retention: 'x' },
    ]) {
      const client = adding(awsClient(gateway), query);
      await expect(client.send(new DeleteBucketCommand({ Bucket: 'empty' }))).rejects.toMatchObject(NOT_IMPLEMENTED);
      await expect(client.send(new CreateBucketCommand({ Bucket: 'new' }))).rejects.toMatchObject(NOT_IMPLEMENTED);
    }
    await expectUntouched();
  });
});

test('no call of the AWS SDK for another sub-resource becomes a plain write or delete', async () => {
  const seen: string[] = [];
  const recorder = awsClient(gateway, { forcePathStyle: true });
  recorder.middlewareStack.add(
    () => (args) => {
      const { request } = args as unknown as { request: { method: string; query: Record<string, string> } };
      const bare = Object.entries(request.query).filter(([name, value]) => value === '' && name !== 'x-id');
      if (request.method !== 'GET' && request.method !== 'HEAD' && bare.length > 0)
        seen.push(`${request.method} ${bare.map(([name]) => name).join('&')}`);
      throw new Error('recorded');
    },
    { step: 'finalizeRequest', name: 'record', priority: 'high' },
  );
  const everything = { Bucket: 'new', Key: 'k', Id: 'i', UploadId: 'u', PartNumber: 1, AnnotationName: 'a' };
  for (const [name, Command] of Object.entries(sdk).filter(([each]) => /^[A-Z]\w+Command$/.test(each))) {
    const make = Command as unknown as new (input: object) => Parameters<S3Client['send']>[0];
    await recorder.send(new make(everything)).catch((error: Error) => {
      if (error.message !== 'recorded' && process.env['BUCKETSEAL_TEST_LOG'] !== undefined)
        process.stderr.write(`${name}\n`);
    });
  }
  const modelled = /^(PUT|POST|DELETE) (acl|encryption|policy|replication|delete|tagging|uploads)$/;
  const others = [...new Set(seen)].filter((each) => !modelled.test(each));
  expect(others).toEqual(
    expect.arrayContaining(['PUT abac', 'PUT annotation', 'DELETE annotation', 'PUT renameObject']),
  );
  for (const each of others) {
    const [method = '', names = ''] = each.split(' ');
    const query = Object.fromEntries(names.split('&').map((name) => [name, '']));
    const client = adding(awsClient(gateway), query);
    const plain =
      method === 'DELETE'
        ? [new DeleteBucketCommand({ Bucket: 'empty' }), new sdk.DeleteObjectCommand({ Bucket: 'full', Key: 'k' })]
        : [new CreateBucketCommand({ Bucket: 'new' }), new PutObjectCommand({ Bucket: 'full', Key: 'k', Body: 'new' })];
    for (const command of plain)
      await expect(client.send(command as never), each).rejects.toSatisfy((error: sdk.S3ServiceException) =>
        [400, 501].includes(error.$metadata.httpStatusCode ?? 0),
      );
  }
  await expectUntouched();
});

test('what SDKs add to their addresses and calls goes on working', async () => {
  const url = await getSignedUrl(s3, new PutObjectCommand({ Bucket: 'full', Key: 'presigned' }));
  expect(new URL(url).searchParams.get('x-id')).toBe('PutObject');
  expect((await rawRequest(url, { method: 'PUT', body: 'x' })).status).toBe(200);
  const remove = await getSignedUrl(s3, new sdk.DeleteObjectCommand({ Bucket: 'full', Key: 'presigned' }));
  expect((await rawRequest(remove, { method: 'DELETE' })).status).toBe(204);
  const minio = new MinioClient({
    endPoint: '127.0.0.1',
    port: gateway.port,
    useSSL: false,
    accessKey: gateway.main.accessKeyId,
    secretKey: gateway.main.secretAccessKey,
  });
  await minio.makeBucket('by-minio', 'us-east-1');
  await minio.putObject('by-minio', 'big', Buffer.alloc(6 * 1024 * 1024), 6 * 1024 * 1024);
  expect(
    (await rawRequest(await minio.presignedPutObject('by-minio', 'small'), { method: 'PUT', body: 'x' })).status,
  ).toBe(200);
  await minio.removeObjects('by-minio', ['big']);
  await minio.removeObject('by-minio', 'small', { forceDelete: false });
  await minio.removeBucket('by-minio');
});

describe('OSS clients', () => {
  const call = (client: AliOssClient, params: object): Promise<unknown> =>
    (client as unknown as { request(params: object): Promise<unknown> }).request({
      successStatuses: [200, 204],
      ...params,
    });
  test.each([
    ['PUT', 'new', undefined],
    ['DELETE', 'empty', undefined],
    ['POST', 'full', undefined],
    ['PUT', 'full', 'k'],
    ['DELETE', 'full', 'k'],
    ['POST', 'full', 'k'],
  ])('%s of %s/%s with a sub-resource of tomorrow is not the older call', async (method, bucket, object) => {
    const oss = ossClient(gateway, { bucket, v4: true });
    for (const subres of [{ somethingNew: '' }, { 'x-oss-something-new': '' }, { delete: '', somethingNew: '' }])
      await expect(
        call(oss, { method, bucket, object, subres, content: Buffer.from('new') }),
        JSON.stringify(subres),
      ).rejects.toMatchObject({ status: 400, code: 'NotImplemented' });
    await expectUntouched();
  });

  test('what belongs to an object deletes no bucket', async () => {
    const oss = ossClient(gateway, { bucket: 'empty', v4: true });
    for (const subres of [{ uploadId: 'u' }, { versionId: 'v' }, { partNumber: '1' }])
      await expect(call(oss, { method: 'DELETE', bucket: 'empty', subres })).rejects.toMatchObject({
        code: 'NotImplemented',
      });
    await expectUntouched();
  });

  test('flags that the SDKs know go on working', async () => {
    const oss = ossClient(gateway, { bucket: 'full', v4: true });
    await call(oss, { method: 'POST', bucket: 'full', object: 'u', subres: { uploads: '', sequential: '' } });
    const url = new URL(ossClient(gateway, { bucket: 'full' }).signatureUrl('k2', { method: 'PUT' }));
    expect((await rawRequest(`${gateway.http}/full/k2${url.search}`, { method: 'PUT', body: 'x' })).status).toBe(200);
  });
});
