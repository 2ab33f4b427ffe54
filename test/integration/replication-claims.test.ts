import {
  CreateBucketCommand,
  DeleteBucketReplicationCommand,
  DeleteObjectCommand,
  GetBucketReplicationCommand,
  ListObjectsV2Command,
  PutBucketReplicationCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient } from './oss-clients.ts';
import { rawRequest, sending } from './raw-answers.ts';
import { awsClient } from './s3-clients.ts';

const ALL = {
  grants: [{ buckets: ['*'], actions: ['read', 'write', 'delete', 'list', 'configure'] }],
  keys: ['*'],
};

let gateway: TestGateway;
let s3: S3Client;
beforeAll(async () => {
  gateway = await startGateway({
    policy: {
      version: 1,
      keys: { orders: {}, copies: {} },
      buckets: [
        {
          match: 'source-*',
          store: 'local',
          encryption: { default: 'managed' },
          replicas: { rule: 'keep-source', kmsObjects: 'replicate', replicaKey: 'copies' },
          replicate: [{ bucket: 'target-bucket', prefix: 'logs/', deletes: true }, { bucket: 'target-other' }],
        },
        {
          match: 'target-*',
          store: 'local',
          encryption: { default: { kms: 'orders' }, clients: 'refuse' },
          replicas: { rule: 'keep-source', kmsObjects: 'replicate', replicaKey: 'copies' },
        },
        { match: 'silent-*', store: 'local', encryption: { default: 'managed' } },
      ],
    },
    clients: { jd: { ...ALL, dialect: 'jd' }, replicator: { ...ALL, replicator: true } },
  });
  s3 = awsClient(gateway);
  for (const Bucket of ['source-bucket', 'target-bucket', 'target-other', 'silent-bucket'])
    await s3.send(new CreateBucketCommand({ Bucket }));
});
afterAll(() => gateway.close());

async function expectNothingStored(): Promise<void> {
  expect((await s3.send(new ListObjectsV2Command({ Bucket: 'target-bucket' }))).KeyCount).toBe(0);
}

function isRefusal(error: { status?: number; $metadata?: { httpStatusCode?: number } }): boolean {
  return [400, 403].includes(error.status ?? error.$metadata?.httpStatusCode ?? 0);
}

const REPLICATION: readonly Readonly<Record<string, string>>[] = [
  { 'x-amz-replication-status': 'REPLICA' },
  { 'x-minio-replication-ssec-crc': 'AAAA' },
  { 'x-minio-source-replication-request': 'true' },
  { 'x-minio-source-etag': 'a'.repeat(32) },
  { 'x-oss-replication-status': 'REPLICA' },
];
const INTERNAL: readonly Readonly<Record<string, string>>[] = [
  { 'x-amz-meta-bucketseal-key': 'forged' },
  { 'x-amz-meta-bucketseal': 'forged' },
  { 'x-oss-meta-bucketseal-key': 'forged' },
  { 'x-bucketseal-replicator': 'true' },
  { 'x-bucketseal-encryption': 'none' },
  { 'x-minio-internal-server-side-encryption-sealed-key': 'forged' },
  { 'x-oss-meta-x-oss-replication-source': 'forged' },
  { 'x-vendor-server-side-encryption': 'none' },
];
const CLAIMS = [...REPLICATION, ...INTERNAL];

describe.each([
  ['s3', (): S3Client => awsClient(gateway)],
  ['jd', (): S3Client => awsClient(gateway, { secure: true, client: gateway.clients['jd']! })],
])('an ordinary %s client', (_name, clientOf) => {
  test.each(CLAIMS)('that sends %j is refused, and nothing is stored', async (headers) => {
    const client = sending(clientOf(), headers);
    for (const wish of [{}, { ServerSideEncryption: 'AES256' }] as const)
      await expect(
        client.send(new PutObjectCommand({ Bucket: 'target-bucket', Key: 'k', Body: 'b', ...wish })),
      ).rejects.toSatisfy(isRefusal);
    await expectNothingStored();
  });

  test.each(CLAIMS)('that asks so in an address (%j) is refused as well', async (headers) => {
    const client = clientOf();
    client.middlewareStack.add(
      (next) => (args) => {
        const { request } = args as unknown as { request: { query: Record<string, string> } };
        Object.assign(request.query, headers);
        return next(args);
      },
      { step: 'build', name: 'moreQuery' },
    );
    await expect(client.send(new PutObjectCommand({ Bucket: 'target-bucket', Key: 'k', Body: 'b' }))).rejects.toSatisfy(
      isRefusal,
    );
    await expectNothingStored();
  });
});

describe.each([false, true])('an ordinary OSS client, V4 %s', (v4) => {
  test.each(CLAIMS)('that sends %j is refused, and nothing is stored', async (headers) => {
    for (const wish of [{}, { 'x-oss-server-side-encryption': 'AES256' }])
      await expect(
        ossClient(gateway, { bucket: 'target-bucket', v4 }).put('k', Buffer.from('b'), {
          headers: { ...headers, ...wish },
        }),
      ).rejects.toSatisfy(isRefusal);
    await expectNothingStored();
  });
});

test('an OSS address with such parameters is refused as well', async () => {
  const at = '/target-bucket/k';
  const url = new URL(ossClient(gateway, { bucket: 'target-bucket' }).signatureUrl('k', { method: 'PUT' }));
  for (const [name, value] of CLAIMS.flatMap((claim) => Object.entries(claim))) {
    if (name.startsWith('x-amz-') || name.startsWith('x-oss-meta-')) continue;
    // The old signature covers few parameters: anybody on the way could add the others.
    url.searchParams.set(name, value);
    const answer = await rawRequest(`${gateway.http}${at}${url.search}`, { method: 'PUT', body: 'b' });
    expect([400, 403], `${name}: ${answer.status}`).toContain(answer.status);
    url.searchParams.delete(name);
  }
  await expectNothingStored();
  const clean = await rawRequest(`${gateway.http}${at}${url.search}`, { method: 'PUT', body: 'b' });
  expect(clean.status).toBe(200);
  await s3.send(new DeleteObjectCommand({ Bucket: 'target-bucket', Key: 'k' }));
});

test('a replicator may not name the gateway’s own metadata either', async () => {
  const client = gateway.clients['replicator']!;
  for (const headers of INTERNAL) {
    await expect(
      sending(awsClient(gateway, { client }), headers).send(
        new PutObjectCommand({ Bucket: 'target-bucket', Key: 'k', Body: 'b' }),
      ),
      JSON.stringify(headers),
    ).rejects.toSatisfy(isRefusal);
    await expect(
      ossClient(gateway, { bucket: 'target-bucket', v4: true, client }).put('k', Buffer.from('b'), { headers }),
      JSON.stringify(headers),
    ).rejects.toSatisfy(isRefusal);
  }
  await expectNothingStored();
});

test('without credentials nobody is a replicator', async () => {
  const answer = await rawRequest(`${gateway.http}/target-bucket/k`, {
    method: 'PUT',
    headers: { 'x-amz-replication-status': 'REPLICA' },
    body: 'b',
  });
  expect(answer.status).toBe(403);
  await expectNothingStored();
});

describe('replication documents show the policy’s rule', () => {
  /** A request of ali-oss for which it has no call of its own. */
  function ossCall(method: string, bucket: string, subres: object, content?: string): Promise<{ data: Buffer }> {
    const client = ossClient(gateway, { bucket, v4: true }) as unknown as {
      request(params: object): Promise<{ data: Buffer }>;
    };
    return client.request({
      method,
      bucket,
      subres,
      successStatuses: [200, 204],
      ...(content === undefined ? {} : { content }),
    });
  }

  test('S3', async () => {
    const { ReplicationConfiguration } = await s3.send(new GetBucketReplicationCommand({ Bucket: 'source-bucket' }));
    const kms = {
      SourceSelectionCriteria: { SseKmsEncryptedObjects: { Status: 'Enabled' } },
    };
    const encryption = { EncryptionConfiguration: { ReplicaKmsKeyID: 'copies' } };
    expect(ReplicationConfiguration?.Rules).toEqual([
      {
        ID: 'rule-1',
        Priority: 1,
        Filter: { Prefix: 'logs/' },
        Status: 'Enabled',
        DeleteMarkerReplication: { Status: 'Enabled' },
        ...kms,
        Destination: { Bucket: 'arn:aws:s3:::target-bucket', ...encryption },
      },
      {
        ID: 'rule-2',
        Priority: 2,
        Filter: { Prefix: '' },
        Status: 'Enabled',
        DeleteMarkerReplication: { Status: 'Disabled' },
        ...kms,
        Destination: { Bucket: 'arn:aws:s3:::target-other', ...encryption },
      },
    ]);
  });

  test('JD: no KMS knobs, a bare prefix', async () => {
    const jd = awsClient(gateway, { client: gateway.clients['jd']! });
    const { ReplicationConfiguration } = await jd.send(new GetBucketReplicationCommand({ Bucket: 'source-bucket' }));
    expect(ReplicationConfiguration?.Rules).toEqual([
      {
        ID: 'rule-1',
        Prefix: 'logs/',
        Status: 'Enabled',
        Destination: { Bucket: 'arn:aws:s3:::target-bucket' },
      },
      { ID: 'rule-2', Prefix: '', Status: 'Enabled', Destination: { Bucket: 'arn:aws:s3:::target-other' } },
    ]);
  });

  test('OSS', async () => {
    const { data } = await ossCall('GET', 'source-bucket', { replication: '' });
    const text = data.toString('utf8').replace(/\n\s*/g, '');
    expect(text).toContain('<PrefixSet><Prefix>logs/</Prefix></PrefixSet><Action>ALL</Action>');
    expect(text).toContain('<Bucket>target-other</Bucket>');
    expect(text).toContain('<SyncRole>');
    expect(text).toContain(
      '<SourceSelectionCriteria><SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects></SourceSelectionCriteria>',
    );
    expect(text).toContain('<ReplicaKmsKeyID>copies</ReplicaKmsKeyID>');
  });

  test('a bucket that only receives shows what holds for the replicas that arrive', async () => {
    const { ReplicationConfiguration } = await s3.send(new GetBucketReplicationCommand({ Bucket: 'target-bucket' }));
    expect(ReplicationConfiguration?.Rules).toMatchObject([
      {
        SourceSelectionCriteria: { SseKmsEncryptedObjects: { Status: 'Enabled' } },
        Destination: {
          Bucket: 'arn:aws:s3:::target-bucket',
          EncryptionConfiguration: { ReplicaKmsKeyID: 'copies' },
        },
      },
    ]);
    expect((await ossCall('GET', 'target-bucket', { replication: '' })).data.toString()).toContain(
      '<ReplicaKmsKeyID>copies</ReplicaKmsKeyID>',
    );
  });

  test('a bucket of which the policy says nothing has none', async () => {
    await expect(s3.send(new GetBucketReplicationCommand({ Bucket: 'silent-bucket' }))).rejects.toMatchObject({
      name: 'ReplicationConfigurationNotFoundError',
    });
    await expect(ossCall('GET', 'silent-bucket', { replication: '' })).rejects.toMatchObject({
      code: 'NoSuchReplicationConfiguration',
      status: 404,
    });
  });

  test('writing them is a 403 that names the policy’s rule', async () => {
    const named = {
      message: expect.stringMatching(/^Access denied by policy rule "source-\*"/),
      $metadata: { httpStatusCode: 403 },
    };
    for (const client of [s3, awsClient(gateway, { client: gateway.clients['jd']! })]) {
      await expect(
        client.send(
          new PutBucketReplicationCommand({
            Bucket: 'source-bucket',
            ReplicationConfiguration: {
              Role: 'r',
              Rules: [{ Status: 'Enabled', Filter: { Prefix: '' }, Destination: { Bucket: 'arn:aws:s3:::elsewhere' } }],
            },
          }),
        ),
      ).rejects.toMatchObject(named);
      await expect(client.send(new DeleteBucketReplicationCommand({ Bucket: 'source-bucket' }))).rejects.toMatchObject(
        named,
      );
    }
    const rule =
      '<ReplicationConfiguration><Rule><Destination><Bucket>elsewhere</Bucket></Destination></Rule></ReplicationConfiguration>';
    for (const [comp, body] of [
      ['add', rule],
      ['delete', '<ReplicationRules><ID>source-bucket-1</ID></ReplicationRules>'],
    ] as const)
      await expect(ossCall('POST', 'source-bucket', { replication: '', comp }, body)).rejects.toMatchObject({
        status: 403,
        message: expect.stringMatching(/^Access denied by policy rule "source-\*"/),
      });
  });
});
