import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient } from './oss-clients.ts';
import { awsClient } from './s3-clients.ts';
import { openWiretap, type Wiretap } from './wiretap.ts';

const ALL = {
  grants: [{ buckets: ['*'], actions: ['read', 'write', 'delete', 'list', 'configure'] }],
  keys: ['*'],
};
/** The id of the source's key, at the source. */
const SOURCE_KEY = 'arn:aws:kms:eu-west-1:111122223333:key/source-of-another-cloud';

/** A gateway as an S3 store across the network, and what it receives. */
let store: TestGateway;
let wire: Wiretap;
let front: TestGateway;
let direct: S3Client;

beforeAll(async () => {
  store = await startGateway({
    policy: {
      version: 1,
      keys: { 'copies-there': {}, 'orders-there': {} },
      buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' } }],
    },
    clients: { front: ALL },
  });
  wire = await openWiretap(store.directory, store.securePort);
  const target = (match: string, replicas: object): object => ({
    match,
    store: 'remote',
    encryption: { default: { kms: 'orders' }, by: 'store' },
    replicas,
  });
  front = await startGateway({
    policy: {
      version: 1,
      keys: { copies: { remote: 'copies-there' }, orders: { remote: 'orders-there' } },
      buckets: [
        target('keep-*', { rule: 'keep-source', kmsObjects: 'replicate', replicaKey: 'copies' }),
        target('skip-*', { rule: 'keep-source' }),
        target('default-*', { rule: 'target-default' }),
      ],
    },
    clients: { replicator: { ...ALL, replicator: true } },
    stores: {
      remote: {
        type: 's3',
        endpoint: wire.endpoint,
        region: 'us-east-1',
        addressing: 'path',
        credentials: store.clients['front']!,
        ca: join(store.directory, 'tls.crt'),
      },
    },
  });
  direct = awsClient(store);
  for (const Bucket of ['keep-bucket', 'skip-bucket', 'default-bucket'])
    await awsClient(front).send(new CreateBucketCommand({ Bucket }));
});
afterAll(async () => {
  await front.close();
  await wire.close();
  await store.close();
});
beforeEach(() => wire.clear());

/** No request to the store carries the source's key id, in whatever spelling. */
function expectSourceKeyKept(id: string): void {
  expect(wire.requests.length).toBeGreaterThan(0);
  for (const spelled of [id, encodeURIComponent(id), Buffer.from(id).toString('base64')])
    expect(wire.requests.filter(({ text }) => text().includes(spelled))).toEqual([]);
}

const at = (bucket: string): { Bucket: string; Key: string } => ({ Bucket: bucket, Key: 'replica' });
const words = (SSEKMSKeyId: string) => ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId }) as const;
const s3Replicator = (): S3Client => awsClient(front, { client: front.clients['replicator']! });

const WAYS: Readonly<Record<string, (bucket: string, key: string) => Promise<unknown>>> = {
  'aws-sdk put': (bucket, key) =>
    s3Replicator().send(new PutObjectCommand({ ...at(bucket), Body: 'replicated', ...words(key) })),
  'aws-sdk multipart': async (bucket, key) => {
    const client = s3Replicator();
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at(bucket), ...words(key) }));
    const { ETag } = await client.send(
      new UploadPartCommand({ ...at(bucket), UploadId, PartNumber: 1, Body: 'replicated' }),
    );
    await client.send(
      new CompleteMultipartUploadCommand({
        ...at(bucket),
        UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
      }),
    );
  },
  'ali-oss put': (bucket, key) =>
    ossClient(front, { bucket, v4: true, client: front.clients['replicator']! }).put(
      'replica',
      Buffer.from('replicated'),
      { headers: { 'x-oss-server-side-encryption': 'KMS', 'x-oss-server-side-encryption-key-id': key } },
    ),
};

describe.each(Object.entries(WAYS))('a KMS source replicated to an S3 store: %s', (_name, replicate) => {
  test('keep-source writes under the replica key, and the source’s key id stays here', async () => {
    await replicate('keep-bucket', SOURCE_KEY);
    expect(await direct.send(new HeadObjectCommand(at('keep-bucket')))).toMatchObject({
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: 'copies-there',
    });
    expectSourceKeyKept(SOURCE_KEY);
  });

  test('a source key id that the store knows is not resolved either', async () => {
    await replicate('keep-bucket', 'orders-there');
    expect(await direct.send(new HeadObjectCommand(at('keep-bucket')))).toMatchObject({ SSEKMSKeyId: 'copies-there' });
    expectSourceKeyKept('orders-there');
  });

  test('target-default writes under the target’s own key', async () => {
    await replicate('default-bucket', SOURCE_KEY);
    expect(await direct.send(new HeadObjectCommand(at('default-bucket')))).toMatchObject({
      SSEKMSKeyId: 'orders-there',
    });
    expectSourceKeyKept(SOURCE_KEY);
  });

  test('not replicated is a 403, and the store sees no byte', async () => {
    await expect(replicate('skip-bucket', SOURCE_KEY)).rejects.toSatisfy(
      (error: { status?: number; $metadata?: { httpStatusCode?: number } }) =>
        (error.status ?? error.$metadata?.httpStatusCode) === 403,
    );
    expect(wire.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
    await expect(direct.send(new HeadObjectCommand(at('skip-bucket')))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 404 },
    });
  });
});

test("a source's own customer key is not forwarded, on no part either", async () => {
  const key = randomBytes(32);
  const customer = {
    SSECustomerAlgorithm: 'AES256',
    SSECustomerKey: key.toString('base64'),
    SSECustomerKeyMD5: createHash('md5').update(key).digest('base64'),
  };
  const client = awsClient(front, { secure: true, client: front.clients['replicator']! });
  const to = { ...at('default-bucket'), ...customer };
  await client.send(new PutObjectCommand({ ...to, Body: 'replicated' }));
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(to));
  const { ETag } = await client.send(new UploadPartCommand({ ...to, UploadId, PartNumber: 1, Body: 'replicated' }));
  await client.send(
    new CompleteMultipartUploadCommand({ ...to, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }),
  );
  expect(await direct.send(new HeadObjectCommand(at('default-bucket')))).toMatchObject({ SSEKMSKeyId: 'orders-there' });
  expectSourceKeyKept(customer.SSECustomerKey);
  expectSourceKeyKept(customer.SSECustomerKeyMD5);
  expect(wire.requests.flatMap(({ headers }) => Object.keys(headers)).filter((name) => /customer/.test(name))).toEqual(
    [],
  );
});
