import {
  DeleteBucketInventoryConfigurationCommand,
  GetBucketNotificationConfigurationCommand,
  ListBucketInventoryConfigurationsCommand,
  PutBucketAnalyticsConfigurationCommand,
  PutBucketCorsCommand,
  PutBucketInventoryConfigurationCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketLoggingCommand,
  PutBucketNotificationConfigurationCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient } from './oss-clients.ts';
import { startRecordingStore, type Answer, type Recorded, type Recording } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';

const answer = ({ url }: Recorded): Answer =>
  /[?&]policy/.test(url) ? [404, {}, '<Error><Code>NoSuchBucketPolicy</Code></Error>'] : [200, {}, '<Ok/>'];
const credentials = { accessKeyId: 'STOREKEY', secretAccessKey: 'store-secret-store-secret-store' };
const ACTIONS = ['read', 'write', 'delete', 'list', 'configure'];
const DENIED = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };

let s3Store: Recording;
let ossStore: Recording;
let gateway: TestGateway;
let s3: S3Client;
beforeAll(async () => {
  s3Store = await startRecordingStore(answer);
  ossStore = await startRecordingStore(answer);
  const rule = (match: string, store: string, more: object = {}) => ({
    match,
    store,
    encryption: { default: 'store' },
    ...more,
  });
  gateway = await startGateway({
    policy: {
      version: 1,
      keys: { orders: { s3: 'store-orders' }, secret: { s3: 'store-secret' } },
      buckets: [
        rule('calling', 's3', { allow: ['callback'] }),
        rule('open-*', 's3', { allow: ['public-acl'] }),
        rule('data', 's3'),
        rule('logs', 's3'),
        rule('others', 's3'),
        rule('renamed', 's3', { name: 'elsewhere' }),
        rule('at-home', 'local'),
        rule('oss-*', 'oss'),
      ],
    },
    stores: {
      s3: { type: 's3', endpoint: s3Store.endpoint, region: 'us-east-1', credentials },
      oss: { type: 'aliyun-oss', endpoint: ossStore.endpoint, region: 'cn-hangzhou', credentials },
    },
    clients: {
      team: {
        grants: [
          {
            buckets: ['calling', 'data', 'logs', 'open-*', 'renamed', 'at-home', 'unruled', 'oss-data', 'oss-logs'],
            actions: ACTIONS,
          },
          { buckets: ['others', 'oss-others'], actions: ['read', 'write', 'list', 'delete'] },
        ],
        keys: ['orders'],
      },
    },
  });
  s3 = awsClient(gateway, { client: gateway.clients['team']! });
});
afterAll(async () => {
  await gateway?.close();
  await s3Store?.close();
  await ossStore?.close();
});
beforeEach(() => {
  for (const store of [s3Store, ossStore]) store.requests.length = 0;
});
const written = (store: Recording): readonly Recorded[] => store.requests.filter(({ method }) => method !== 'GET');

/** Each way to have an S3 store write into another bucket. */
const REPORTS: Readonly<Record<string, (destination: string, Bucket?: string) => Promise<unknown>>> = {
  'an inventory': (destination, Bucket = 'data') =>
    s3.send(new PutBucketInventoryConfigurationCommand(inventory(Bucket, destination))),
  'an analysis': (destination, Bucket = 'data') =>
    s3.send(
      new PutBucketAnalyticsConfigurationCommand({
        Bucket,
        Id: 'a',
        AnalyticsConfiguration: {
          Id: 'a',
          StorageClassAnalysis: {
            DataExport: {
              OutputSchemaVersion: 'V_1',
              Destination: { S3BucketDestination: { Format: 'CSV', Bucket: arn(destination) } },
            },
          },
        },
      }),
    ),
  'a log': (destination, Bucket = 'data') => s3.send(new PutBucketLoggingCommand(logging(Bucket, destination))),
};

function arn(bucket: string): string {
  return `arn:aws:s3:::${bucket}`;
}

function inventory(Bucket: string, destination: string, Encryption?: object) {
  return {
    Bucket,
    Id: 'i',
    InventoryConfiguration: {
      Id: 'i',
      IsEnabled: true,
      IncludedObjectVersions: 'All' as const,
      Schedule: { Frequency: 'Daily' as const },
      Destination: {
        S3BucketDestination: { Format: 'CSV' as const, Bucket: arn(destination), ...(Encryption && { Encryption }) },
      },
    },
  };
}

function logging(Bucket: string, TargetBucket: string, TargetGrants?: object[]) {
  return {
    Bucket,
    BucketLoggingStatus: {
      LoggingEnabled: {
        TargetBucket,
        TargetPrefix: 'l/',
        ...(TargetGrants && { TargetGrants: TargetGrants as never }),
      },
    },
  };
}

describe.each(Object.entries(REPORTS))('%s', (_name, report) => {
  test('goes where the client may configure, and the document crosses as it was judged', async () => {
    await report('logs');
    expect(written(s3Store)).toHaveLength(1);
    expect(written(s3Store)[0]?.body.toString()).toContain('logs');
  });

  test.each([
    ['where the client may write, but not configure', 'others'],
    ['where it has no grant', 'unheard-of'],
    ['where no rule serves the bucket', 'unruled'],
    ['into a bucket that the policy keeps at another store', 'at-home'],
    ['into a bucket that has another name at the store', 'renamed'],
    ['under a name of the store that no rule gives', 'elsewhere'],
    ['into something that is no bucket', 'logs/prefix'],
  ])('does not go %s', async (_where, destination) => {
    await expect(report(destination)).rejects.toMatchObject(DENIED);
    expect(written(s3Store)).toEqual([]);
  });

  test('is not to be had of a bucket that the client may not configure', async () => {
    await expect(report('logs', 'others')).rejects.toMatchObject(DENIED);
    expect(written(s3Store)).toEqual([]);
  });
});

test('an inventory under a key needs the grant of that key', async () => {
  const under = (KeyId: string) =>
    s3.send(new PutBucketInventoryConfigurationCommand(inventory('data', 'logs', { SSEKMS: { KeyId } })));
  await expect(under('store-secret')).rejects.toMatchObject(DENIED);
  await expect(under('nobody-knows')).rejects.toMatchObject({ name: 'KMS.NotFoundException' });
  expect(written(s3Store)).toEqual([]);
  await under('store-orders');
  expect(written(s3Store)).toHaveLength(1);
});

test('rights on what is logged are an ACL, which both buckets must allow', async () => {
  const grants = [{ Grantee: { Type: 'CanonicalUser', ID: 'somebody' }, Permission: 'READ' }];
  const log = (Bucket: string, to: string) => s3.send(new PutBucketLoggingCommand(logging(Bucket, to, grants)));
  await expect(log('data', 'open-logs')).rejects.toMatchObject(DENIED);
  await expect(log('open-data', 'logs')).rejects.toMatchObject(DENIED);
  expect(written(s3Store)).toEqual([]);
  await log('open-data', 'open-logs');
  expect(written(s3Store)).toHaveLength(1);
});

test('what is switched off needs no more than configure', async () => {
  await s3.send(new PutBucketLoggingCommand({ Bucket: 'data', BucketLoggingStatus: {} }));
  await s3.send(new DeleteBucketInventoryConfigurationCommand({ Bucket: 'data', Id: 'i' }));
  await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket: 'data', NotificationConfiguration: {} }));
  expect(written(s3Store).map(({ method, url }) => [method, url])).toEqual([
    ['PUT', '/data?logging='],
    ['DELETE', '/data?id=i&inventory='],
    ['PUT', '/data?notification='],
  ]);
});

test('notifications are callbacks: the policy must allow them', async () => {
  const notify = (Bucket: string, NotificationConfiguration: object) =>
    s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
  const queue = {
    QueueConfigurations: [{ QueueArn: 'arn:minio:sqs::1:webhook', Events: ['s3:ObjectCreated:*' as const] }],
  };
  for (const each of [queue, { EventBridgeConfiguration: {} }])
    await expect(notify('data', each)).rejects.toMatchObject({
      ...DENIED,
      message: 'Access denied by policy rule "data": it does not allow callback.',
    });
  expect(written(s3Store)).toEqual([]);
  await notify('calling', queue);
  expect(written(s3Store)[0]?.body.toString()).toContain('arn:minio:sqs::1:webhook');
  await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: 'data' }));
});

test('lifecycle, CORS and lists of configurations cross as before', async () => {
  const Rules = [{ ID: 'r', Status: 'Enabled' as const, Filter: { Prefix: 'tmp/' }, Expiration: { Days: 7 } }];
  await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket: 'data', LifecycleConfiguration: { Rules } }));
  const CORSRules = [{ AllowedMethods: ['GET'], AllowedOrigins: ['*'] }];
  await s3.send(new PutBucketCorsCommand({ Bucket: 'data', CORSConfiguration: { CORSRules } }));
  await s3.send(new ListBucketInventoryConfigurationsCommand({ Bucket: 'data', ContinuationToken: 'next' }));
  expect(s3Store.requests.map(({ url }) => url).filter((url) => !url.includes('policy'))).toEqual([
    '/data?lifecycle=',
    '/data?cors=',
    '/data?continuation-token=next&inventory=',
  ]);
});

test.each(['destination=evil', 'x', 'acl=', 'id=b', 'lifecycle'])(
  'beside a sub-resource the parameter %s is refused, and nothing is sent',
  async (more) => {
    const [name = '', value = ''] = more.split('=');
    const extended = awsClient(gateway, { client: gateway.clients['team']! });
    extended.middlewareStack.add(
      (next) => (args) => {
        const { request } = args as unknown as { request: { query: Record<string, string | string[]> } };
        request.query[name] = name in request.query ? [String(request.query[name]), value] : value;
        return next(args);
      },
      { step: 'build', name: 'moreQuery' },
    );
    for (const command of [
      new PutBucketInventoryConfigurationCommand(inventory('data', 'logs')),
      new DeleteBucketInventoryConfigurationCommand({ Bucket: 'data', Id: 'i' }),
    ])
      await expect(extended.send(command as never)).rejects.toSatisfy((error: { name: string }) =>
        ['NotImplemented', 'InvalidArgument'].includes(error.name),
      );
    expect(written(s3Store)).toEqual([]);
  },
);

test('a document that is too long is refused before anything is sent', async () => {
  const Rules = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      ID: `rule-${i}`,
      Status: 'Enabled' as const,
      Filter: { Prefix: 'p'.repeat(200) },
      Expiration: { Days: 7 },
    }));
  const put = (count: number) =>
    s3.send(
      new PutBucketLifecycleConfigurationCommand({ Bucket: 'data', LifecycleConfiguration: { Rules: Rules(count) } }),
    );
  await expect(put(300)).rejects.toMatchObject({ name: 'EntityTooLarge' });
  expect(written(s3Store)).toEqual([]);
  await put(100);
  expect(written(s3Store)).toHaveLength(1);
});

describe('an OSS store', () => {
  function call(bucket: string, subres: object, content: string, method = 'PUT'): Promise<unknown> {
    const client = ossClient(gateway, { bucket, v4: true, client: gateway.clients['team']! }) as unknown as {
      request(params: object): Promise<unknown>;
    };
    return client.request({ method, bucket, subres, content, successStatuses: [200, 204] });
  }
  const log = (target: string): string =>
    `<BucketLoggingStatus><LoggingEnabled><TargetBucket>${target}</TargetBucket><TargetPrefix>l/</TargetPrefix></LoggingEnabled></BucketLoggingStatus>`;
  const report = (target: string): string =>
    '<InventoryConfiguration><Id>i</Id><IsEnabled>true</IsEnabled><Destination><OSSBucketDestination><Format>CSV</Format>' +
    `<AccountId>1</AccountId><RoleArn>acs:ram::1:role/r</RoleArn><Bucket>acs:oss:::${target}</Bucket></OSSBucketDestination></Destination></InventoryConfiguration>`;
  const denied = { status: 403, code: 'AccessDenied' };

  test.each([
    ['logs', { logging: '' }, log],
    ['inventories', { inventory: '', inventoryId: 'i' }, report],
  ] as const)('%s go where the client may configure, and nowhere else', async (_what, subres, document) => {
    for (const target of ['oss-others', 'unheard-of', 'data', 'at-home'])
      await expect(call('oss-data', subres, document(target)), target).rejects.toMatchObject(denied);
    expect(written(ossStore)).toEqual([]);
    await call('oss-data', subres, document('oss-logs'));
    expect(written(ossStore).map(({ body }) => body.toString())).toEqual([document('oss-logs')]);
  });

  test('unknown parameters beside a sub-resource are refused', async () => {
    for (const more of [{ destination: 'evil' }, { x: '' }, { inventoryId: 'b' }])
      await expect(call('oss-data', { logging: '', ...more }, log('oss-logs'))).rejects.toMatchObject({
        status: 400,
        code: 'NotImplemented',
      });
    expect(written(ossStore)).toEqual([]);
  });
});
