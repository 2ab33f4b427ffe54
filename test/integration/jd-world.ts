import { join } from 'node:path';
import { GetBucketEncryptionCommand, PutBucketEncryptionCommand, type S3Client } from '@aws-sdk/client-s3';
import { startGateway, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';
import { openWiretap, type Wiretap } from './wiretap.ts';

/** A gateway whose jd listener is the store, what it receives, and the gateway before it. */
export interface JdWorld {
  readonly store: TestGateway;
  readonly wire: Wiretap;
  readonly front: TestGateway;
  /** A client of the front, over TLS. */
  readonly s3: S3Client;
  /** A client of the store itself, behind the front's back. */
  readonly direct: S3Client;
  /** The rule of a bucket at the store. */
  ruleOf(bucket: string): Promise<string | undefined>;
  setRule(bucket: string): Promise<unknown>;
  /** Requests so far that carry an object to the store. */
  writes(): readonly string[];
  /** The front's clock moves past the interval for which a bucket's rule is believed. */
  outliveRule(): void;
  close(): Promise<void>;
}

export async function startJdWorld(): Promise<JdWorld> {
  let later = 0;
  const store = await startGateway({
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
  const wire = await openWiretap(store.directory, store.securePort);
  const front = await startGateway({
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
    now: () => Date.now() + later,
  });
  const s3 = awsClient(front, { secure: true });
  const direct = awsClient(store, { secure: true });
  return {
    store,
    wire,
    front,
    s3,
    direct,
    ruleOf: (bucket) => ruleOf(direct, bucket),
    setRule: (bucket) => setRule(direct, bucket),
    writes: () =>
      wire.requests
        .filter(
          ({ method, target }) => (method === 'PUT' || method === 'POST') && !/\?(encryption|delete)/.test(target),
        )
        .map(({ method, target }) => `${method} ${target}`),
    outliveRule: () => {
      later += RULE_INTERVAL_MS + 1;
    },
    close: async () => {
      await front.close();
      await wire.close();
      await store.close();
    },
  };
}

const RULE_INTERVAL_MS = 5_000;
const ALL = {
  grants: [{ buckets: ['*'], actions: ['read', 'write', 'delete', 'list', 'configure'] }],
  keys: ['*'],
};

function ruleOf(direct: S3Client, bucket: string): Promise<string | undefined> {
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

function setRule(direct: S3Client, bucket: string): Promise<unknown> {
  return direct.send(
    new PutBucketEncryptionCommand({
      Bucket: bucket,
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } }],
      },
    }),
  );
}
