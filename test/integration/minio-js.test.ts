import { createHash, randomBytes } from 'node:crypto';
import { Agent } from 'node:https';
import { Readable } from 'node:stream';
import { Client, CopyDestinationOptions, CopySourceOptions } from 'minio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';

const MIB = 1024 * 1024;

describe.each(['http', 'https'] as const)('minio-js over %s on the embedded store', (scheme) => {
  let gateway: TestGateway;
  let client: Client;
  beforeAll(async () => {
    gateway = await startGateway({
      policy: {
        version: 1,
        keys: { orders: {} },
        buckets: [
          { match: 'kms-*', store: 'local', encryption: { default: { kms: 'orders' } } },
          { match: '*', store: 'local', encryption: { default: 'managed' } },
        ],
      },
    });
    client = new Client({
      endPoint: '127.0.0.1',
      port: scheme === 'https' ? gateway.securePort : gateway.port,
      useSSL: scheme === 'https',
      accessKey: gateway.main.accessKeyId,
      secretKey: gateway.main.secretAccessKey,
      region: 'us-east-1',
      partSize: 5 * MIB,
      ...(scheme === 'https' ? { transportAgent: new Agent({ ca: gateway.certificate }) } : {}),
    });
    for (const bucket of ['kms-bucket', 'managed-bucket']) await client.makeBucket(bucket);
  });
  afterAll(() => gateway.close());

  const read = async (bucket: string, key: string): Promise<Buffer> => collect(await client.getObject(bucket, key));

  test.each([
    ['kms-bucket', 'aws:kms', 'orders'],
    ['managed-bucket', 'AES256', undefined],
  ] as const)('%s: buffer, stream, parts, copy; HEAD says how each is encrypted', async (bucket, method, key) => {
    const bytes = randomBytes(200_000);
    const big = randomBytes(11 * MIB + 7);
    const put = await client.putObject(bucket, 'buffer', bytes, bytes.length, { 'X-Amz-Meta-Colour': 'green' });
    if (method === 'AES256') expect(put.etag).toBe(createHash('md5').update(bytes).digest('hex'));
    await client.putObject(
      bucket,
      'stream',
      Readable.from([bytes.subarray(0, 70_001), bytes.subarray(70_001)]),
      bytes.length,
    );
    await client.putObject(bucket, 'parts', Readable.from(pieces(big)), big.length);
    await client.copyObject(
      new CopySourceOptions({ Bucket: bucket, Object: 'buffer' }),
      new CopyDestinationOptions({ Bucket: bucket, Object: 'copy' }),
    );
    for (const [name, content] of [
      ['buffer', bytes],
      ['stream', bytes],
      ['parts', big],
      ['copy', bytes],
    ] as const) {
      expect((await read(bucket, name)).equals(content), name).toBe(true);
      const { size, metaData } = await client.statObject(bucket, name);
      expect(size).toBe(content.length);
      expect(metaData['server-side-encryption'] ?? metaData['x-amz-server-side-encryption'], name).toBe(method);
      expect(
        metaData['server-side-encryption-aws-kms-key-id'] ?? metaData['x-amz-server-side-encryption-aws-kms-key-id'],
        name,
      ).toBe(key);
    }
    expect((await client.statObject(bucket, 'copy')).metaData).toMatchObject({ colour: 'green' });
    expect(
      (await collect(await client.getPartialObject(bucket, 'parts', 5 * MIB - 2, 4))).equals(
        big.subarray(5 * MIB - 2, 5 * MIB + 2),
      ),
    ).toBe(true);
    expect(gateway.bytesAtRest().includes(bytes.subarray(1000, 1064))).toBe(false);
  });

  test('a stream of unknown length goes up in parts', async () => {
    const bytes = randomBytes(6 * MIB);
    await client.putObject('kms-bucket', 'unknown', Readable.from(pieces(bytes)));
    expect((await read('kms-bucket', 'unknown')).equals(bytes)).toBe(true);
  });

  test('presigned by plain HTTP', async () => {
    if (scheme === 'https') return;
    const put = await fetch(await client.presignedPutObject('kms-bucket', 'url', 60), {
      method: 'PUT',
      body: 'by url',
    });
    expect([put.status, put.headers.get('x-amz-server-side-encryption')]).toEqual([200, 'aws:kms']);
    expect(await (await fetch(await client.presignedGetObject('kms-bucket', 'url', 60))).text()).toBe('by url');
  });

  test('lists, tags, removals', async () => {
    const names = ['list/a', 'list/b c', 'list/z/1', 'list/ü+&'];
    for (const name of names) await client.putObject('managed-bucket', name, name);
    const listed = async (recursive: boolean): Promise<readonly string[]> => {
      const found: string[] = [];
      for await (const item of client.listObjectsV2('managed-bucket', 'list/', recursive))
        found.push((item as { name?: string; prefix?: string }).name ?? (item as { prefix: string }).prefix);
      return found;
    };
    expect([...(await listed(true))].sort()).toEqual([...names].sort());
    expect(await listed(false)).toContain('list/z/');
    await client.setObjectTagging('managed-bucket', 'list/a', { team: 'a b' });
    expect(await client.getObjectTagging('managed-bucket', 'list/a')).toEqual([{ Key: 'team', Value: 'a b' }]);
    await client.removeObjects('managed-bucket', names);
    expect(await listed(true)).toEqual([]);
    await expect(client.statObject('managed-bucket', 'list/a')).rejects.toMatchObject({ code: 'NotFound' });
  });

  test('bucket encryption is the policy’s', async () => {
    const { ServerSideEncryptionConfiguration } = (await client.getBucketEncryption('kms-bucket')) as unknown as {
      ServerSideEncryptionConfiguration: { Rule: { ApplyServerSideEncryptionByDefault: object } };
    };
    expect(ServerSideEncryptionConfiguration.Rule.ApplyServerSideEncryptionByDefault).toEqual({
      SSEAlgorithm: 'aws:kms',
      KMSMasterKeyID: 'orders',
    });
    await expect(client.removeBucketEncryption('kms-bucket')).rejects.toMatchObject({ code: 'AccessDenied' });
  });
});

async function collect(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 100_003) yield bytes.subarray(at, at + 100_003);
}
