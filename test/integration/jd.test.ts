import { createHash, randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketEncryptionCommand,
  GetBucketEncryptionCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { answersOf, rawRequest, sending, sigV2Url } from './raw-answers.ts';
import { awsClient } from './s3-clients.ts';

const ALL = {
  grants: [{ buckets: ['*'], actions: ['read', 'write', 'delete', 'list', 'configure'] }],
  keys: ['*'],
};
const SPELLINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'no header': {},
  'x-amz-…: AES256': { 'x-amz-server-side-encryption': 'AES256' },
  'x-amz-…: aws:kms and a key': {
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-server-side-encryption-aws-kms-key-id': 'archive',
  },
  'x-amz-…: aws:kms and an unknown key': {
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-server-side-encryption-aws-kms-key-id': 'nobody',
  },
  'x-aws-…: aws:kms': { 'x-aws-server-side-encryption': 'aws:kms' },
  'x-aws-…: nonsense': { 'x-aws-server-side-encryption': 'nonsense' },
};

let gateway: TestGateway;
let jd: S3Client;
beforeAll(async () => {
  gateway = await startGateway({
    policy: {
      version: 1,
      keys: { orders: {}, archive: {} },
      buckets: [
        { match: 'kms-*', store: 'local', encryption: { default: { kms: 'orders' } } },
        { match: 'strict-*', store: 'local', encryption: { default: { kms: 'default' }, clients: 'refuse' } },
        { match: 'managed-*', store: 'local', encryption: { default: 'managed' } },
        { match: 'plain-*', store: 'local', encryption: { default: 'none' } },
        { match: 'own-*', store: 'local', encryption: { default: 'store' } },
      ],
    },
    clients: { jd: { ...ALL, dialect: 'jd' } },
    config: {
      hosts: { localhost: { dialect: 'jd' } },
      listeners: [
        { name: 'http', host: '127.0.0.1', port: 0 },
        { name: 'https', host: '127.0.0.1', port: 0, tls: { certificate: './tls.crt', key: './tls.key' } },
        {
          name: 'jd',
          host: '127.0.0.1',
          port: 0,
          dialect: 'jd',
          tls: { certificate: './tls.crt', key: './tls.key' },
        },
      ],
    },
  });
  jd = jdClient();
  for (const bucket of ['kms-bucket', 'strict-bucket', 'managed-bucket', 'plain-bucket', 'own-bucket'])
    await jd.send(new CreateBucketCommand({ Bucket: bucket }));
});
afterAll(() => gateway.close());

function jdClient(secure = true): S3Client {
  return awsClient(gateway, { secure, client: gateway.clients['jd']! });
}

/** The words about encryption in an answer. */
function encryptionIn(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => /encryption|kms/.test(name)));
}

const KMS = { 'x-aws-server-side-encryption': 'aws:kms' };

describe('a client credential pinned to jd, on the port that speaks everything', () => {
  describe.each(['kms-bucket', 'strict-bucket'])('%s', (Bucket) => {
    test.each(Object.entries(SPELLINGS))('%s: the bucket decides, the header is ignored', async (_name, headers) => {
      const client = sending(jdClient(), headers);
      const answers = answersOf(client);
      const before = (await gateway.audit()).length;
      await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'body' }));
      expect(encryptionIn(answers[0]!.headers)).toEqual(KMS);
      const [record] = (await gateway.audit()).slice(before).filter((line) => line['kind'] === 'decision');
      expect(record).toMatchObject({
        effect: 'allow',
        wish: '',
        details: {
          dialect: 'jd',
          wishIgnored: Object.entries(headers)
            .map(([name, value]) => `${name}: ${value}`)
            .join(', '),
        },
      });
    });
  });

  test('every answer about an encrypted object says so, in JD’s word', async () => {
    const client = jdClient();
    const answers = answersOf(client);
    const at = { Bucket: 'kms-bucket', Key: 'parts' };
    const MIB = 1024 * 1024;
    await client.send(new PutObjectCommand({ ...at, Key: 'source', Body: 'the source' }));
    await client.send(new CopyObjectCommand({ ...at, Key: 'copy', CopySource: 'kms-bucket/source' }));
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(at));
    const body = randomBytes(5 * MIB);
    const one = await client.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: body }));
    const two = await client.send(
      new UploadPartCopyCommand({ ...at, UploadId, PartNumber: 2, CopySource: 'kms-bucket/source' }),
    );
    await client.send(
      new CompleteMultipartUploadCommand({
        ...at,
        UploadId,
        MultipartUpload: {
          Parts: [
            { PartNumber: 1, ETag: one.ETag },
            { PartNumber: 2, ETag: two.CopyPartResult?.ETag },
          ],
        },
      }),
    );
    const got = await client.send(new GetObjectCommand(at));
    expect(
      Buffer.from(await got.Body!.transformToByteArray()).equals(Buffer.concat([body, Buffer.from('the source')])),
    ).toBe(true);
    await client.send(new HeadObjectCommand(at));
    expect(answers.map(({ headers }) => encryptionIn(headers))).toEqual(answers.map(() => KMS));
    expect(answers).toHaveLength(8);
  });

  test('managed and plain objects are told as they are', async () => {
    const client = sending(jdClient(), SPELLINGS['x-aws-…: aws:kms']!);
    const answers = answersOf(client);
    for (const Bucket of ['managed-bucket', 'plain-bucket']) {
      await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'b' }));
      await client.send(new HeadObjectCommand({ Bucket, Key: 'k' }));
    }
    const managed = { 'x-aws-server-side-encryption': 'AES256' };
    expect(answers.map(({ headers }) => encryptionIn(headers))).toEqual([managed, managed, {}, {}]);
  });

  test('an S3 client beside it gets S3 answers to the same object', async () => {
    await jd.send(new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'both', Body: 'b' }));
    const s3 = awsClient(gateway, { secure: true });
    const answers = answersOf(s3);
    await s3.send(new HeadObjectCommand({ Bucket: 'kms-bucket', Key: 'both' }));
    expect(encryptionIn(answers[0]!.headers)).toEqual({
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'orders',
    });
  });

  test("a customer's key is a 400, and nothing is stored", async () => {
    const key = randomBytes(32);
    const put = new PutObjectCommand({
      Bucket: 'kms-bucket',
      Key: 'ssec',
      Body: 'b',
      SSECustomerAlgorithm: 'AES256',
      SSECustomerKey: key.toString('base64'),
      SSECustomerKeyMD5: createHash('md5').update(key).digest('base64'),
    });
    await expect(jd.send(put)).rejects.toMatchObject({ name: 'InvalidArgument', $metadata: { httpStatusCode: 400 } });
    await expectAbsent('kms-bucket', 'ssec');
  });

  test('a word of the family that nobody knows is a 400', async () => {
    const client = sending(jdClient(), { 'x-aws-server-side-encryption-strength': '11' });
    await expect(
      client.send(new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'odd', Body: 'b' })),
    ).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
    await expectAbsent('kms-bucket', 'odd');
  });
});

describe('the bucket’s rule', () => {
  const rule = (SSEAlgorithm: 'aws:kms' | 'AES256', KMSMasterKeyID?: string): PutBucketEncryptionCommand =>
    new PutBucketEncryptionCommand({
      Bucket: 'own-bucket',
      ServerSideEncryptionConfiguration: {
        Rules: [
          {
            ApplyServerSideEncryptionByDefault: {
              SSEAlgorithm,
              ...(KMSMasterKeyID === undefined ? {} : { KMSMasterKeyID }),
            },
          },
        ],
      },
    });
  const get = new GetBucketEncryptionCommand({ Bucket: 'own-bucket' });

  test('there is none until it is set; only aws:kms without a key is taken', async () => {
    await expect(jd.send(get)).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });
    await expect(jd.send(rule('AES256'))).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
    await expect(jd.send(rule('aws:kms', 'orders'))).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
    await expect(jd.send(get)).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });

    const client = jdClient();
    const answers = answersOf(client);
    await client.send(rule('aws:kms'));
    expect(await client.send(get)).toMatchObject({
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } }],
      },
    });
    await client.send(new PutObjectCommand({ Bucket: 'own-bucket', Key: 'k', Body: 'b' }));
    expect(encryptionIn(answers[2]!.headers)).toEqual(KMS);

    await client.send(new DeleteBucketEncryptionCommand({ Bucket: 'own-bucket' }));
    await expect(jd.send(get)).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });
  });

  test('where the policy owns it, it is shown, and not changed', async () => {
    expect(await jd.send(new GetBucketEncryptionCommand({ Bucket: 'strict-bucket' }))).toMatchObject({
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } }],
      },
    });
    await expect(jd.send(new DeleteBucketEncryptionCommand({ Bucket: 'strict-bucket' }))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
  });
});

describe('encryption demands TLS and SigV4', () => {
  test('over plain HTTP uploads, copies and parts of encrypted objects are a 403, and nothing is stored', async () => {
    const plain = jdClient(false);
    const source = { Bucket: 'plain-bucket', Key: 'clear' };
    await plain.send(new PutObjectCommand({ ...source, Body: 'clear' }));
    for (const Bucket of ['kms-bucket', 'managed-bucket']) {
      const at = { Bucket, Key: 'in-clear' };
      const { UploadId } = await jd.send(new CreateMultipartUploadCommand(at));
      const { ETag } = await jd.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: 'b' }));
      for (const command of [
        new PutObjectCommand({ ...at, Body: 'b' }),
        new CopyObjectCommand({ ...at, CopySource: 'plain-bucket/clear' }),
        new CreateMultipartUploadCommand(at),
        new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: 'b' }),
        new UploadPartCopyCommand({ ...at, UploadId, PartNumber: 1, CopySource: 'plain-bucket/clear' }),
        new CompleteMultipartUploadCommand({
          ...at,
          UploadId,
          MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] },
        }),
      ])
        await expect(plain.send(command as PutObjectCommand), command.constructor.name).rejects.toMatchObject({
          name: 'AccessDenied',
          $metadata: { httpStatusCode: 403 },
        });
      await expectAbsent(Bucket, at.Key);
    }
  });

  test('over plain HTTP downloads of encrypted objects are a 403, plain ones are served', async () => {
    const plain = jdClient(false);
    for (const Bucket of ['kms-bucket', 'managed-bucket', 'plain-bucket'])
      await jd.send(new PutObjectCommand({ Bucket, Key: 'down', Body: 'b' }));
    for (const Bucket of ['kms-bucket', 'managed-bucket']) {
      await expect(plain.send(new GetObjectCommand({ Bucket, Key: 'down' }))).rejects.toMatchObject({
        name: 'AccessDenied',
      });
      await expect(plain.send(new HeadObjectCommand({ Bucket, Key: 'down' }))).rejects.toMatchObject({
        $metadata: { httpStatusCode: 403 },
      });
      await expect(
        plain.send(new CopyObjectCommand({ Bucket: 'plain-bucket', Key: 'out', CopySource: `${Bucket}/down` })),
      ).rejects.toMatchObject({ name: 'AccessDenied' });
    }
    const got = await plain.send(new GetObjectCommand({ Bucket: 'plain-bucket', Key: 'down' }));
    expect(await got.Body!.transformToString()).toBe('b');
  });

  test.each([
    ['jd', 'kms-bucket', 400],
    ['jd', 'managed-bucket', 400],
    ['jd', 'plain-bucket', 200],
    // AWS: SigV2 is for what KMS has nothing to do with.
    ['main', 'kms-bucket', 400],
    ['main', 'managed-bucket', 200],
  ] as const)('SigV2 addresses of %s, over TLS: %s answers %i', async (name, Bucket, expected) => {
    await jd.send(new PutObjectCommand({ Bucket, Key: 'v2', Body: 'kept' }));
    const ask = (method: string, body?: string) =>
      rawRequest(sigV2Url(gateway.https, gateway.clients[name]!, method, `/${Bucket}/v2`), {
        method,
        ...(body === undefined ? {} : { body }),
        ca: gateway.certificate,
      });
    for (const answer of [await ask('PUT', 'other'), await ask('GET')]) {
      expect(answer.status).toBe(expected);
      if (expected === 400) expect(answer.text).toContain('require AWS Signature Version 4');
    }
    const got = await jd.send(new GetObjectCommand({ Bucket, Key: 'v2' }));
    expect(await got.Body!.transformToString()).toBe(expected === 400 ? 'kept' : 'other');
  });
});

describe('pinned otherwise', () => {
  test.each([
    ['by the listener', (): string => `https://127.0.0.1:${portOf('jd')}`],
    ['by the host name', (): string => `https://localhost:${gateway.securePort}`],
  ])('%s, any S3 credential speaks JD', async (_name, endpoint) => {
    const client = sending(awsClient(gateway, { secure: true, endpoint: endpoint() }), {
      'x-amz-server-side-encryption': 'AES256',
    });
    const answers = answersOf(client);
    await client.send(new PutObjectCommand({ Bucket: 'strict-bucket', Key: 'pinned', Body: 'b' }));
    expect(encryptionIn(answers[0]!.headers)).toEqual(KMS);
  });

  test('the same credential on the open port speaks S3', async () => {
    const client = awsClient(gateway, { secure: true });
    const answers = answersOf(client);
    await client.send(new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'open', Body: 'b' }));
    expect(encryptionIn(answers[0]!.headers)).toMatchObject({ 'x-amz-server-side-encryption': 'aws:kms' });
  });

  test('another language’s signature is refused there', async () => {
    const answer = await rawRequest(`https://127.0.0.1:${portOf('jd')}/kms-bucket/k`, {
      headers: { authorization: `OSS ${gateway.main.accessKeyId}:AAAA`, date: new Date().toUTCString() },
      ca: gateway.certificate,
    });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('<Code>InvalidArgument</Code>');
  });
});

function portOf(name: string): number {
  return gateway.runtime.listening.addresses.find((address) => address.name === name)?.port ?? 0;
}

async function expectAbsent(Bucket: string, Prefix: string): Promise<void> {
  const { KeyCount } = await awsClient(gateway).send(new ListObjectsV2Command({ Bucket, Prefix }));
  expect(KeyCount).toBe(0);
}
