import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient } from './oss-clients.ts';
import { sending } from './raw-answers.ts';
import { awsClient } from './s3-clients.ts';

interface Row {
  readonly row?: number;
  readonly source: string;
  readonly target: string;
  readonly kmsObjects?: 'skip' | 'replicate';
  /** null: not replicated. */
  readonly replica: string | null;
}
const vectors = JSON.parse(readFileSync(new URL('../vectors/policy/replicas.json', import.meta.url), 'utf8')) as {
  readonly keepSource: readonly Row[];
  readonly targetDefault: readonly Row[];
};

/** What a source's state looks like on the wire. Its key id belongs to another store, even where it is spelled like one of ours. */
const SOURCES: Readonly<Record<string, readonly { readonly method?: 'managed' | 'kms'; readonly key?: string }[]>> = {
  plain: [{}],
  managed: [{ method: 'managed' }],
  kms: [{ method: 'kms' }],
  'kms+key': [
    { method: 'kms', key: 'e1935511-of-another-cloud' },
    { method: 'kms', key: 'orders' },
  ],
};
type Source = (typeof SOURCES)[string][number];

const TARGETS = { none: 'none', managed: 'managed', kms: { kms: 'default' }, 'kms+key': { kms: 'orders' } } as const;

const REPLICAS: Readonly<Record<string, object>> = {
  skip: { rule: 'keep-source', kmsObjects: 'skip' },
  replicate: { rule: 'keep-source', kmsObjects: 'replicate', replicaKey: 'copies' },
  default: { rule: 'target-default' },
};

const ALL = {
  grants: [{ buckets: ['*'], actions: ['read', 'write', 'delete', 'list', 'configure'] }],
  keys: ['*'],
};
const BODY = randomBytes(250_000);

let gateway: TestGateway;
let s3: S3Client;
beforeAll(async () => {
  gateway = await startGateway({
    policy: {
      version: 1,
      keys: { orders: {}, copies: {} },
      buckets: Object.entries(TARGETS).flatMap(([target, value]) =>
        Object.entries(REPLICAS).map(([name, replicas]) => ({
          match: bucketOf(target, name),
          store: 'local',
          // What clients may do does not concern replicators.
          encryption: { default: value, clients: 'refuse' },
          replicas,
        })),
      ),
    },
    clients: {
      replicator: { ...ALL, replicator: true },
      poor: { ...ALL, keys: ['orders'], replicator: true },
      jd: { ...ALL, replicator: true, dialect: 'jd' },
    },
  });
  s3 = awsClient(gateway);
  for (const target of Object.keys(TARGETS))
    for (const name of Object.keys(REPLICAS))
      await s3.send(new CreateBucketCommand({ Bucket: bucketOf(target, name) }));
});
afterAll(() => gateway.close());

function bucketOf(target: string, replicas: string): string {
  return `to-${target.replace('+', '-')}-${replicas}`;
}

/** How one SDK replicates an object; rejects where it is refused. */
type Replicate = (bucket: string, key: string, source: Source) => Promise<unknown>;

function s3Words({ method, key }: Source): object {
  if (method === undefined) return {};
  if (method === 'managed') return { ServerSideEncryption: 'AES256' };
  return { ServerSideEncryption: 'aws:kms', ...(key === undefined ? {} : { SSEKMSKeyId: key }) };
}

function ossWords({ method, key }: Source): object {
  if (method === undefined) return {};
  if (method === 'managed') return { 'x-oss-server-side-encryption': 'AES256' };
  return {
    'x-oss-server-side-encryption': 'KMS',
    ...(key === undefined ? {} : { 'x-oss-server-side-encryption-key-id': key }),
  };
}

async function inParts(client: S3Client, at: { Bucket: string; Key: string }, words: object): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at, ...words }));
  const { ETag } = await client.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: BODY }));
  await client.send(
    new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }),
  );
}

const replicator = (): { client: (typeof gateway.clients)[string] } => ({ client: gateway.clients['replicator']! });
const KEEPERS: Readonly<Record<string, Replicate>> = {
  'aws-sdk put': (Bucket, Key, source) =>
    awsClient(gateway, replicator()).send(new PutObjectCommand({ Bucket, Key, Body: BODY, ...s3Words(source) })),
  'aws-sdk multipart': (Bucket, Key, source) =>
    inParts(awsClient(gateway, replicator()), { Bucket, Key }, s3Words(source)),
  'ali-oss put': (bucket, key, source) =>
    ossClient(gateway, { bucket, v4: true, ...replicator() }).put(key, BODY, { headers: ossWords(source) }),
  'ali-oss multipart': (bucket, key, source) =>
    ossClient(gateway, { bucket, v4: true, ...replicator() }).multipartUpload(key, BODY, {
      partSize: 100 * 1024,
      headers: ossWords(source),
    }),
};
/** A JD replicator states no source encryption: whatever header it sends has no effect. */
const jdClient = (): S3Client => awsClient(gateway, { secure: true, client: gateway.clients['jd']! });
const JD: Readonly<Record<string, Replicate>> = {
  'jd put': (Bucket, Key, source) =>
    jdClient().send(new PutObjectCommand({ Bucket, Key, Body: BODY, ...s3Words(source) })),
  'jd multipart': (Bucket, Key, source) => inParts(jdClient(), { Bucket, Key }, s3Words(source)),
};

/** What HEAD says of the replica; null: 403 and nothing there. */
async function replicated(replicate: Replicate, bucket: string, source: Source): Promise<string | null> {
  const key = `replica-${randomBytes(6).toString('hex')}`;
  const refusal = await replicate(bucket, key, source).then(
    () => undefined,
    (error: { status?: number; $metadata?: { httpStatusCode?: number } }) => error,
  );
  const at = { Bucket: bucket, Key: key };
  if (refusal !== undefined) {
    expect(refusal.status ?? refusal.$metadata?.httpStatusCode, String(refusal)).toBe(403);
    await expect(s3.send(new HeadObjectCommand(at))).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });
    return null;
  }
  const got = await s3.send(new GetObjectCommand(at));
  expect(Buffer.from(await got.Body!.transformToByteArray()).equals(BODY)).toBe(true);
  const { ServerSideEncryption: method, SSEKMSKeyId } = await s3.send(new HeadObjectCommand(at));
  if (method === undefined) return 'plain';
  if (method === 'AES256') return 'managed';
  expect(method).toBe('aws:kms');
  return NAMES[SSEKMSKeyId ?? 'default'] ?? `kms under ${SSEKMSKeyId}`;
}
const NAMES: Readonly<Record<string, string>> = {
  default: 'kms',
  orders: 'kms+key of the target',
  copies: 'kms+replica key',
};

function all<T>(table: Readonly<Record<string, T>>, name: string): readonly [string, T][] {
  return Object.entries(table).filter(([key]) => name === 'any' || key === name);
}

describe.each(Object.entries(KEEPERS))('%s', (_name, replicate) => {
  test.each(vectors.keepSource)('keep-source row $row: $source onto $target, $kmsObjects: $replica', async (row) => {
    for (const source of SOURCES[row.source]!)
      for (const [target] of all<unknown>(TARGETS, row.target))
        expect([
          source,
          target,
          await replicated(replicate, bucketOf(target, row.kmsObjects ?? 'skip'), source),
        ]).toEqual([source, target, row.replica]);
  });

  test.each(vectors.targetDefault)('target-default: $source onto $target: $replica', async (row) => {
    for (const [, sources] of all(SOURCES, row.source))
      for (const source of sources)
        expect([source, await replicated(replicate, bucketOf(row.target, 'default'), source)]).toEqual([
          source,
          row.replica,
        ]);
  });
});

describe.each(Object.entries(JD))('%s', (_name, replicate) => {
  test.each(vectors.targetDefault)('target-default: $source onto $target: $replica', async (row) => {
    for (const [, sources] of all(SOURCES, row.source))
      for (const source of sources)
        expect([source, await replicated(replicate, bucketOf(row.target, 'default'), source)]).toEqual([
          source,
          row.replica,
        ]);
  });

  test('under keep-source its objects count as plain', async () => {
    for (const [target, expected] of [
      ['managed', 'managed'],
      ['kms-key', null],
    ] as const)
      expect(await replicated(replicate, bucketOf(target, 'skip'), { method: 'kms', key: 'x' })).toBe(expected);
    expect(await replicated(replicate, bucketOf('kms+key', 'replicate'), { method: 'managed' })).toBe(
      'kms+key of the target',
    );
  });
});

test('a replicator without the key that the replica would go under is refused', async () => {
  const poor = awsClient(gateway, { client: gateway.clients['poor']! });
  const put: Replicate = (Bucket, Key, source) =>
    poor.send(new PutObjectCommand({ Bucket, Key, Body: BODY, ...s3Words(source) }));
  expect(await replicated(put, bucketOf('managed', 'replicate'), { method: 'kms', key: 'x' })).toBeNull();
  expect(await replicated(put, bucketOf('kms+key', 'default'), { method: 'kms', key: 'x' })).toBe(
    'kms+key of the target',
  );
});

describe("a source under a customer's key", () => {
  const key = randomBytes(32);
  const customer = {
    SSECustomerAlgorithm: 'AES256',
    SSECustomerKey: key.toString('base64'),
    SSECustomerKeyMD5: createHash('md5').update(key).digest('base64'),
  };
  const secure = (): S3Client => awsClient(gateway, { secure: true, ...replicator() });
  const put: Replicate = (Bucket, Key) => secure().send(new PutObjectCommand({ Bucket, Key, Body: BODY, ...customer }));
  const multipart: Replicate = async (Bucket, Key) => {
    const at = { Bucket, Key, ...customer };
    const { UploadId } = await secure().send(new CreateMultipartUploadCommand(at));
    const { ETag } = await secure().send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: BODY }));
    await secure().send(
      new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }),
    );
  };

  test.each([
    ['put', put],
    ['multipart', multipart],
  ])("takes the target's default, or has no row: %s", async (_name, replicate) => {
    expect(await replicated(replicate, bucketOf('kms+key', 'default'), {})).toBe('kms+key of the target');
    expect(await replicated(replicate, bucketOf('kms+key', 'replicate'), {})).toBeNull();
  });
});

test('the replication headers of a vendor are taken from a replicator, and have no effect', async () => {
  const client = sending(awsClient(gateway, replicator()), {
    'x-amz-replication-status': 'REPLICA',
    'x-minio-source-etag': 'a'.repeat(32),
    'x-minio-source-replication-request': 'true',
  });
  const put: Replicate = (Bucket, Key, source) =>
    client.send(new PutObjectCommand({ Bucket, Key, Body: BODY, ...s3Words(source) }));
  expect(await replicated(put, bucketOf('kms', 'skip'), { method: 'managed' })).toBe('managed');
  const oss: Replicate = (bucket, key) =>
    ossClient(gateway, { bucket, v4: true, ...replicator() }).put(key, BODY, {
      headers: { 'x-oss-replication-status': 'x' },
    });
  expect(await replicated(oss, bucketOf('kms', 'default'), {})).toBe('kms');
});

describe('a client that is no replicator', () => {
  test.each(Object.keys(REPLICAS))('is judged as every client on a target with %s', async (name) => {
    const put: Replicate = (Bucket, Key, source) =>
      s3.send(new PutObjectCommand({ Bucket, Key, Body: BODY, ...s3Words(source) }));
    expect(await replicated(put, bucketOf('managed', name), { method: 'kms', key: 'copies' })).toBeNull();
    expect(await replicated(put, bucketOf('managed', name), { method: 'kms' })).toBeNull();
    expect(await replicated(put, bucketOf('managed', name), {})).toBe('managed');
  });
});
