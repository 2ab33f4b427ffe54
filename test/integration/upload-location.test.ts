import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { sending } from './raw-answers.ts';
import { awsClient } from './s3-clients.ts';

const STORES = ['local', 's3', 'oss'] as const;
const Key = 'ä b/c+d&e';
const ENCODED = '%C3%A4%20b/c%2Bd%26e';

let front: TestGateway;
let upstream: TestGateway;
beforeAll(async () => {
  upstream = await startGateway({
    policy: { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'store' } }] },
    config: { bucketsWithoutRule: 'none' },
  });
  const { http: endpoint, main: credentials } = upstream;
  front = await startGateway({
    policy: {
      version: 1,
      buckets: STORES.map((store) => ({
        match: `${store}-*`,
        store,
        name: 'inner-{bucket}',
        encryption: { default: 'none' },
      })),
    },
    stores: {
      s3: { type: 's3', endpoint, region: 'us-east-1', addressing: 'path', credentials },
      oss: { type: 'aliyun-oss', endpoint, region: 'cn-hangzhou', credentials },
    },
    config: { trustedProxies: ['127.0.0.0/8'] },
  });
  for (const store of STORES) await awsClient(front).send(new CreateBucketCommand({ Bucket: `${store}-bucket` }));
});
afterAll(async () => {
  await front?.close();
  await upstream?.close();
});

async function locationOf(client: S3Client, Bucket: string): Promise<string | undefined> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const part = { Bucket, Key, UploadId };
  const { ETag } = await client.send(new UploadPartCommand({ ...part, PartNumber: 1, Body: 'x' }));
  const parts = { MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] } };
  return (await client.send(new CompleteMultipartUploadCommand({ ...part, ...parts }))).Location;
}

test.each(STORES)('%s: an upload lies where its client finds it, by its own scheme and host', async (store) => {
  const bucket = `${store}-bucket`;
  expect(await locationOf(awsClient(front), bucket)).toBe(`${front.http}/${bucket}/${ENCODED}`);
  expect(await locationOf(awsClient(front, { secure: true }), bucket)).toBe(`${front.https}/${bucket}/${ENCODED}`);
});

test.each(STORES)('%s: what a trusted proxy says of scheme and host counts', async (store) => {
  const told = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'files.example.com' };
  const client = awsClient(front, { endpoint: front.http });
  // The client signs the name that it knows.
  client.middlewareStack.add(
    (next) => (args) => {
      Object.assign((args as unknown as { request: { headers: Record<string, string> } }).request.headers, {
        host: 'files.example.com',
      });
      return next(args);
    },
    { step: 'build' },
  );
  expect(await locationOf(sending(client, told), `${store}-bucket`)).toBe(
    `https://files.example.com/${store}-bucket/${ENCODED}`,
  );
});
