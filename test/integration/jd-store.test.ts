import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketEncryptionCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketEncryptionCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutBucketEncryptionCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient } from './oss-clients.ts';
import { awsClient } from './s3-clients.ts';
import { openWiretap, type Wiretap } from './wiretap.ts';

const MIB = 1024 * 1024;
const RULE_INTERVAL_MS = 5_000;
const ALL = {
  grants: [{ buckets: ['*'], actions: ['read', 'write', 'delete', 'list', 'configure'] }],
  keys: ['*'],
};

/** A gateway whose jd listener is the store; `wire` is what it receives; `front` is the gateway before it. */
let store: TestGateway;
let wire: Wiretap;
let front: TestGateway;
let s3: S3Client;
/** A client of the store itself, behind the front's back. */
let direct: S3Client;
let skew = 0;

beforeAll(async () => {
  store = await startGateway({
    policy: { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'store' } }] },
    clients: { front: ALL },
    config: {
      bucketsWithoutRule: 'none',
      listeners: [
        { name: 'http', host: '127.0.0.1', port: 0 },
        {
          name: 'https',
          host: '127.0.0.1',
          port: 0,
          dialect: 'jd',
          tls: { certificate: './tls.crt', key: './tls.key' },
        },
      ],
    },
  });
  wire = await openWiretap(store.directory, store.securePort);
  front = await startGateway({
    policy: {
      version: 1,
      keys: { orders: {} },
      buckets: [
        {
          match: 'set-*',
          store: 'jd',
          encryption: { default: { kms: 'default' }, clients: 'ignore', bucketRule: 'set' },
        },
        { match: 'verify-*', store: 'jd', encryption: { default: { kms: 'default' } } },
        { match: 'lying-*', store: 'jd', encryption: { default: { kms: 'default' }, bucketRule: 'set' } },
        { match: 'own-*', store: 'jd', encryption: { default: 'store' } },
        { match: 'local-*', store: 'local', encryption: { default: 'managed' } },
      ],
    },
    stores: {
      jd: {
        type: 'jdcloud-oss',
        endpoint: wire.endpoint,
        region: 'cn-north-1',
        credentials: store.clients['front']!,
        ca: join(store.directory, 'tls.crt'),
      },
    },
    config: { limits: { bucketRule: `${RULE_INTERVAL_MS}ms` } },
    now: () => Date.now() + skew,
  });
  s3 = awsClient(front, { secure: true });
  direct = awsClient(store, { secure: true });
});
afterAll(async () => {
  await front.close();
  await wire.close();
  await store.close();
});
beforeEach(() => {
  wire.rewrite(undefined);
  wire.clear();
});

const KMS = { ServerSideEncryption: 'aws:kms' };

function ruleOf(bucket: string): Promise<string | undefined> {
  return direct
    .send(new GetBucketEncryptionCommand({ Bucket: bucket }))
    .then(
      ({ ServerSideEncryptionConfiguration }) =>
        ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm,
    )
    .catch((error: { $metadata: { httpStatusCode: number } }) =>
      error.$metadata.httpStatusCode === 404 ? undefined : Promise.reject(error as unknown as Error),
    );
}

function setRule(bucket: string): Promise<unknown> {
  return direct.send(
    new PutBucketEncryptionCommand({
      Bucket: bucket,
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } }],
      },
    }),
  );
}

/** Requests that carry an object to the store. */
function writes(): readonly string[] {
  return wire.requests
    .filter(({ method, target }) => (method === 'PUT' || method === 'POST') && !/\?(encryption|delete)/.test(target))
    .map(({ method, target }) => `${method} ${target}`);
}

describe('S3 clients before a JD store', () => {
  test('every object operation works, and every answer tells what the store confirmed', async () => {
    const Bucket = 'set-objects';
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new HeadBucketCommand({ Bucket }));
    expect((await s3.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name)).toContain(Bucket);
    const bytes = randomBytes(100_000);
    const put = await s3.send(
      new PutObjectCommand({ Bucket, Key: 'a b/ü', Body: bytes, Metadata: { m: 'v' }, ContentType: 'text/x' }),
    );
    expect(put).toMatchObject(KMS);
    const at = { Bucket, Key: 'a b/ü' };
    expect(await s3.send(new HeadObjectCommand(at))).toMatchObject({
      ...KMS,
      ContentLength: bytes.length,
      Metadata: { m: 'v' },
      ContentType: 'text/x',
    });
    const got = await s3.send(new GetObjectCommand(at));
    expect(got).toMatchObject(KMS);
    expect(Buffer.from(await got.Body!.transformToByteArray()).equals(bytes)).toBe(true);
    const range = await s3.send(new GetObjectCommand({ ...at, Range: 'bytes=7-16' }));
    expect(Buffer.from(await range.Body!.transformToByteArray()).equals(bytes.subarray(7, 17))).toBe(true);
    await expect(s3.send(new PutObjectCommand({ ...at, Body: 'x', IfNoneMatch: '*' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: expect.toSatisfy((status: number) => status === 412 || status === 501) },
    });
    expect(
      await s3.send(
        new CopyObjectCommand({
          Bucket,
          Key: 'copy',
          CopySource: encodeURI(`${Bucket}/a b/ü`),
          MetadataDirective: 'COPY',
        }),
      ),
    ).toMatchObject(KMS);

    const parts = { Bucket, Key: 'parts' };
    const { UploadId, ...created } = await s3.send(new CreateMultipartUploadCommand(parts));
    expect(created).toMatchObject(KMS);
    const body = randomBytes(5 * MIB);
    const one = await s3.send(new UploadPartCommand({ ...parts, UploadId, PartNumber: 1, Body: body }));
    const two = await s3.send(
      new UploadPartCopyCommand({
        ...parts,
        UploadId,
        PartNumber: 2,
        CopySource: `${Bucket}/copy`,
        CopySourceRange: 'bytes=0-99',
      }),
    );
    expect([one, two]).toMatchObject([KMS, KMS]);
    expect((await s3.send(new ListPartsCommand({ ...parts, UploadId }))).Parts?.map(({ Size }) => Size)).toEqual([
      body.length,
      100,
    ]);
    expect((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads).toHaveLength(1);
    const done = await s3.send(
      new CompleteMultipartUploadCommand({
        ...parts,
        UploadId,
        MultipartUpload: {
          Parts: [
            { PartNumber: 1, ETag: one.ETag },
            { PartNumber: 2, ETag: two.CopyPartResult?.ETag },
          ],
        },
      }),
    );
    expect(done).toMatchObject(KMS);
    const whole = await s3.send(new GetObjectCommand(parts));
    expect(
      Buffer.from(await whole.Body!.transformToByteArray()).equals(Buffer.concat([body, bytes.subarray(0, 100)])),
    ).toBe(true);
    const other = await s3.send(new CreateMultipartUploadCommand(parts));
    await s3.send(new AbortMultipartUploadCommand({ ...parts, UploadId: other.UploadId }));

    const keys = ['a b/ü', 'copy', 'parts'];
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents?.map(({ Key }) => Key)).toEqual(keys);
    expect((await s3.send(new ListObjectsCommand({ Bucket, Prefix: 'c' }))).Contents?.map(({ Key }) => Key)).toEqual([
      'copy',
    ]);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'copy' }));
    const { Deleted } = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'a b/ü' }, { Key: 'parts' }] } }),
    );
    expect(Deleted).toHaveLength(2);
    await s3.send(new DeleteBucketCommand({ Bucket }));
    await expect(direct.send(new HeadBucketCommand({ Bucket }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 404 },
    });
  });

  test('no streaming signature reaches the store: each payload is a hash or unsigned', async () => {
    const Bucket = 'set-payloads';
    await s3.send(new CreateBucketCommand({ Bucket }));
    // Over TLS the SDK streams in chunks with a trailing checksum.
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: randomBytes(300_000), ChecksumAlgorithm: 'CRC32' }));
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'm' }));
    await s3.send(
      new UploadPartCommand({ Bucket, Key: 'm', UploadId, PartNumber: 1, Body: 'x', ChecksumAlgorithm: 'CRC32' }),
    );
    expect(wire.requests.length).toBeGreaterThan(5);
    for (const { headers, target } of wire.requests) {
      expect(headers['x-amz-content-sha256'], target).toMatch(/^([0-9a-f]{64}|UNSIGNED-PAYLOAD)$/);
      expect(headers['authorization'], target).toMatch(/^AWS4-HMAC-SHA256 .*\/cn-north-1\/s3\/aws4_request/);
      expect(headers['content-encoding'], target).toBeUndefined();
      expect(Object.keys(headers).filter((name) => /trailer|decoded|server-side/.test(name))).toEqual([]);
    }
  });

  test('what the store has no word for is refused before a byte is sent', async () => {
    const Bucket = 'verify-words';
    await s3.send(new CreateBucketCommand({ Bucket }));
    await setRule(Bucket);
    const at = { Bucket, Key: 'k' };
    await s3.send(new PutObjectCommand({ ...at, Body: 'x' }));
    wire.clear();
    for (const wish of [
      { ServerSideEncryption: 'AES256' },
      { ServerSideEncryption: 'aws:kms:dsse' },
      { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' },
    ] as const)
      await expect(s3.send(new PutObjectCommand({ ...at, Body: 'y', ...wish }))).rejects.toMatchObject({
        $metadata: { httpStatusCode: 400 },
      });
    await expect(
      s3.send(new PutObjectTaggingCommand({ ...at, Tagging: { TagSet: [{ Key: 'a', Value: 'b' }] } })),
    ).rejects.toMatchObject({ name: 'NotImplemented' });
    expect(writes()).toEqual([]);
    expect(await s3.send(new PutObjectCommand({ ...at, Body: 'y', ServerSideEncryption: 'aws:kms' }))).toMatchObject(
      KMS,
    );
  });

  test('its encryption demands TLS from the client too, up and down', async () => {
    const Bucket = 'set-plain-http';
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    const plain = awsClient(front);
    await expect(plain.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'y' }))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
    await expect(plain.send(new GetObjectCommand({ Bucket, Key: 'k' }))).rejects.toMatchObject({
      name: 'AccessDenied',
    });
  });

  test('a copy from the embedded store lands under the bucket’s rule', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'local-from' }));
    await s3.send(new PutObjectCommand({ Bucket: 'local-from', Key: 'k', Body: 'across' }));
    await s3.send(new CreateBucketCommand({ Bucket: 'set-across' }));
    const copy = await s3.send(
      new CopyObjectCommand({
        Bucket: 'set-across',
        Key: 'k',
        CopySource: 'local-from/k',
        TaggingDirective: 'REPLACE',
      }),
    );
    expect(copy).toMatchObject(KMS);
    const got = await s3.send(new GetObjectCommand({ Bucket: 'set-across', Key: 'k' }));
    expect(await got.Body!.transformToString()).toBe('across');
  });
});

describe('the bucket’s rule at the store', () => {
  test('set: is made before the first write, once per interval', async () => {
    const Bucket = 'set-first';
    await s3.send(new CreateBucketCommand({ Bucket }));
    expect(await ruleOf(Bucket)).toBeUndefined();
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
    expect(await ruleOf(Bucket)).toBe('aws:kms');
  });

  test('set: a rule removed behind the gateway’s back is noticed and set again', async () => {
    const Bucket = 'set-again';
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    await direct.send(new DeleteBucketEncryptionCommand({ Bucket }));
    skew += RULE_INTERVAL_MS + 1;
    expect(await s3.send(new PutObjectCommand({ Bucket, Key: 'k2', Body: 'x' }))).toMatchObject(KMS);
    expect(await ruleOf(Bucket)).toBe('aws:kms');
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
    expect(writes()).toEqual([]);
    expect(wire.requests.every(({ bytes }) => bytes() === 0)).toBe(true);

    await setRule(Bucket);
    expect(await put('k')).toMatchObject(KMS);

    await direct.send(new DeleteBucketEncryptionCommand({ Bucket }));
    skew += RULE_INTERVAL_MS + 1;
    wire.clear();
    await expect(put('k2')).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
    expect(writes()).toEqual([]);
    expect(await ruleOf(Bucket)).toBeUndefined();
  });

  test('verify: another rule is refused as well, and nothing is sent', async () => {
    const Bucket = 'verify-other';
    await s3.send(new CreateBucketCommand({ Bucket }));
    const plain = awsClient(store);
    await plain.send(
      new PutBucketEncryptionCommand({
        Bucket,
        ServerSideEncryptionConfiguration: {
          Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
      }),
    );
    expect(await ruleOf(Bucket)).toBe('AES256');
    wire.clear();
    await expect(s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 503 },
    });
    expect(writes()).toEqual([]);
    expect(await ruleOf(Bucket)).toBe('AES256');
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
    await setRule(Bucket);
    await expect(s3.send(new PutObjectCommand({ Bucket, Key: 'k3', Body: 'x' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 502 },
    });
    expect(writes()).toEqual([]);
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
    expect(await ruleOf(Bucket)).toBe('aws:kms');
    expect(await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }))).toMatchObject(KMS);
  });
});

test('a write with tags is refused, as the store would drop them', async () => {
  const Bucket = 'set-tags';
  await s3.send(new CreateBucketCommand({ Bucket }));
  await expect(
    s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', Tagging: 'a=b' })),
  ).rejects.toMatchObject({ name: 'NotImplemented', $metadata: { httpStatusCode: 501 } });
  expect(writes().filter((line) => line.includes('/k'))).toEqual([]);
});

test('an OSS client writes there too, in its own words', async () => {
  const Bucket = 'set-from-oss';
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
  const { res } = await ossClient(front, { bucket: Bucket, v4: true })
    .put('k2', Buffer.from('x'))
    .catch((error: { status: number }) => ({ res: { status: error.status } }));
  // The SDK was pointed at plain HTTP.
  expect(res.status).toBe(403);
});
