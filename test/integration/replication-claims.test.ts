import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketReplicationCommand,
  DeleteObjectCommand,
  GetBucketReplicationCommand,
  GetObjectCommand,
  HeadObjectCommand,
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
  // Families, not names: what a server of the family may add tomorrow counts as well.
  { 'x-amz-replication-something-new': 'x' },
  { 'x-minio-something-new': 'x' },
  { 'x-minio-fanout-list': 'x' },
  { 'x-rgw-replicated-at': '2026-11-21T00:00:00Z' },
  { 'x-rgw-something-new': 'x' },
  { 'rgwx-copy-if-newer': 'true' },
  { 'rgwx-source-zone': 'z' },
  { 'x-seaweedfs-principal': 'arn:aws:iam::1:root' },
  { 'x-seaweedfs-source-etag': 'x' },
  { 'seaweed-x-amz-server-side-encryption': 'x' },
  { 'x-rustfs-source-mtime': '1' },
  { 'x-rustfs-replication-status': 'REPLICA' },
  { 'x-scal-replication-status': 'REPLICA' },
  { 'x-oss-replication-rule-id': 'x' },
  { 'x-newvendor-replication-status': 'REPLICA' },
  { 'x-newvendor-is-replica': 'true' },
];
const INTERNAL: readonly Readonly<Record<string, string>>[] = [
  { 'x-amz-meta-bucketseal-key': 'forged' },
  { 'x-amz-meta-bucketseal': 'forged' },
  { 'x-oss-meta-bucketseal-key': 'forged' },
  { 'x-bucketseal-replicator': 'true' },
  { 'x-bucketseal-encryption': 'none' },
  { 'x-minio-internal-server-side-encryption-sealed-key': 'forged' },
  { 'x-rustfs-internal-crc': 'forged' },
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

describe('what ordinary clients really send is no claim', () => {
  // From the sources of minio-js 8.0, minio-go 7.4 and mc: extensions that they send for everybody. Here they have no effect, and
  // the answer says so: what is not empty stays (409), what exists stays (409), a key inside an archive is not found (404).
  test('minio-go’s force-delete and force-create of a bucket, mc’s look into archives', async () => {
    const Bucket = 'silent-forced';
    const forced = (headers: Readonly<Record<string, string>>): S3Client => sending(awsClient(gateway), headers);
    const create = forced({ 'x-minio-force-create': 'true' });
    await create.send(new CreateBucketCommand({ Bucket }));
    await expect(create.send(new CreateBucketCommand({ Bucket }))).rejects.toMatchObject({
      name: 'BucketAlreadyOwnedByYou',
    });
    await s3.send(new PutObjectCommand({ Bucket, Key: 'a.zip', Body: 'b' }));
    const remove = forced({ 'x-minio-force-delete': 'true' });
    await expect(remove.send(new DeleteBucketCommand({ Bucket }))).rejects.toMatchObject({ name: 'BucketNotEmpty' });
    await expect(
      forced({ 'x-minio-extract': 'true' }).send(new GetObjectCommand({ Bucket, Key: 'a.zip/file' })),
    ).rejects.toMatchObject({ name: 'NoSuchKey' });
    // On an object it means every version, or all under a prefix: a plain delete would be another answer.
    await expect(remove.send(new DeleteObjectCommand({ Bucket, Key: 'a.zip' }))).rejects.toSatisfy(isRefusal);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'a.zip' }));
    await remove.send(new DeleteBucketCommand({ Bucket }));
  });

  // mc and Ceph's cloud sync keep the source's facts as the object's own metadata: those are the client's.
  test('metadata that looks like one is carried', async () => {
    const Metadata = { 'rgwx-source': 'rgw', 'mc-attrs': 'mode:1', 'x-replication-status': 'mine', replica: 'yes' };
    const at = { Bucket: 'silent-bucket', Key: 'k' };
    await s3.send(new PutObjectCommand({ ...at, Body: 'b', Metadata }));
    expect((await s3.send(new HeadObjectCommand(at))).Metadata).toEqual(Metadata);
  });

  test('proxies, tracers and the SDKs’ own headers pass', async () => {
    const headers = {
      'x-forwarded-for': '192.0.2.1',
      'x-request-id': 'r',
      'x-amzn-trace-id': 'Root=1',
      'x-amz-user-agent': 'aws-sdk-js/3',
      'x-amz-request-payer': 'requester',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    };
    const put = new PutObjectCommand({ Bucket: 'silent-bucket', Key: 'k', Body: 'b' });
    await sending(awsClient(gateway), headers).send(put);
  });
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
