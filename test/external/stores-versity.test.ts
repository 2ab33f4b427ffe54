import { randomBytes } from 'node:crypto';
import {
  CreateBucketCommand,
  CopyObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { startVersity, type Server } from './servers.ts';
import { counted, direct, storeEntry, throughGateway } from './store-clients.ts';

const MIB = 1024 * 1024;
const BUCKETS = ['declared-bucket', 'believed-bucket', 'believed-kms', 'believed-parts', 'plain-bucket'];

/** versitygw knows no encryption at all: it drops the headers and says nothing. */
describe('in front of versitygw', () => {
  let versity: Server;
  let gateway: GatewayProcess;
  let s3: S3Client;
  let once: S3Client;
  let store: S3Client;
  beforeAll(async () => {
    versity = await startVersity();
    gateway = await startGatewayProcess({
      policy: {
        version: 1,
        keys: { orders: { believed: 'some-key' } },
        buckets: [
          { match: 'declared-*', store: 'declared', encryption: { default: 'none' } },
          { match: 'believed-kms', store: 'believed', encryption: { default: { kms: 'orders' } } },
          { match: 'believed-*', store: 'believed', encryption: { default: 'managed' } },
          { match: 'plain-*', store: 'declared', encryption: { default: 'none' } },
        ],
      },
      stores: {
        declared: storeEntry(versity, { capabilities: { managed: 'none', kms: 'none', customerKey: false } }),
        believed: storeEntry(versity),
      },
    });
    s3 = throughGateway(gateway);
    once = throughGateway(gateway, { maxAttempts: 1 });
    store = direct(versity);
    for (const Bucket of BUCKETS) await s3.send(new CreateBucketCommand({ Bucket }));
  });
  afterAll(async () => {
    await gateway?.close();
    await versity?.close();
  });

  test.each([
    { ServerSideEncryption: 'AES256' },
    { ServerSideEncryption: 'aws:kms' },
    { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' },
  ] as const)('declared: %j is refused before a byte is sent', async (wish) => {
    const at = { Bucket: 'declared-bucket', Key: 'k' };
    await expect(s3.send(new PutObjectCommand({ ...at, Body: 'x', ...wish }))).rejects.toMatchObject({
      name: 'InvalidArgument',
      $metadata: { httpStatusCode: 400 },
    });
    await expect(store.send(new HeadObjectCommand(at))).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });
  });

  // It answers nothing of encryption and keeps no versions here: that HEAD shows the same bytes in clear may be another
  // client's doing, so every such write fails closed and none is held against the store.
  test.each(['believed-bucket', 'believed-kms'])('undeclared, %s: every write fails closed', async (Bucket) => {
    for (const Key of ['first', 'second'])
      await expect(once.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }))).rejects.toMatchObject({
        name: 'ServiceUnavailable',
        $metadata: { httpStatusCode: 503 },
        message: expect.stringContaining('What it wrote is unproven') as string,
      });
    expect(
      gateway.audit().filter((record) => record['kind'] === 'unproven' && record['bucket'] === Bucket),
    ).toMatchObject([{ storeSays: 'none' }, { storeSays: 'none' }]);
    expect(counted(await gateway.metrics(), 'bucketseal_encryption_unproven', { store: 'believed' })).toBeGreaterThan(
      0,
    );
  });

  test('undeclared: multipart and copy fail closed too', async () => {
    const Bucket = 'believed-parts';
    const upload = new Upload({
      client: once,
      params: { Bucket, Key: 'big', Body: randomBytes(6 * MIB) },
      partSize: 5 * MIB,
      leavePartsOnError: true,
    });
    await expect(upload.done()).rejects.toMatchObject({ name: 'ServiceUnavailable' });
    await s3.send(new PutObjectCommand({ Bucket: 'plain-bucket', Key: 'source', Body: 'x' }));
    await expect(
      once.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: 'plain-bucket/source' })),
    ).rejects.toMatchObject({ name: 'ServiceUnavailable' });
  });

  test('a policy that wants nothing works end to end', async () => {
    const Bucket = 'plain-bucket';
    const bytes = randomBytes(6 * MIB + 11);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'a/put', Body: bytes, Metadata: { m: '1' } }));
    await new Upload({ client: s3, params: { Bucket, Key: 'a/parts', Body: bytes }, partSize: 5 * MIB }).done();
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'a/copy', CopySource: `${Bucket}/a/put` }));
    for (const Key of ['a/put', 'a/parts', 'a/copy']) {
      const got = await s3.send(new GetObjectCommand({ Bucket, Key }));
      expect(Buffer.from(await got.Body!.transformToByteArray()).equals(bytes), Key).toBe(true);
      expect(got.ServerSideEncryption).toBeUndefined();
    }
    expect((await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'a/' }))).Contents?.map(({ Key }) => Key)).toEqual(
      ['a/copy', 'a/parts', 'a/put'],
    );
  });
});
