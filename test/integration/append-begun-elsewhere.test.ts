import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient, type AliOssClient } from './oss-clients.ts';
import { startRecordingStore, type Recording } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';
import { CreateBucketCommand } from '@aws-sdk/client-s3';

/** What OSS shows for `KMS` without a key id: its own default key, which no policy names. */
const STORE_KEY = 'acs:kms:cn-hangzhou:1234567890:key/9468da86-3509-4f8d-a61e-6eab1eac0000';
const ORDERS = 'e1935511-cf88-1123-a0f8-1be8d2511abc';
const BUCKET = 'logs';

let store: Recording;
let gateway: TestGateway;
let oss: AliOssClient;
/** How the object at the store is encrypted. */
let begun: Readonly<Record<string, string>>;
let size = 4;
const under = (key: string) => ({
  'x-oss-server-side-encryption': 'KMS',
  'x-oss-server-side-encryption-key-id': key,
});

beforeAll(async () => {
  store = await startRecordingStore(({ method, url }) => {
    const etag = { etag: '"11111111111111111111111111111111"', ...begun };
    if (url.includes('policy'))
      return [404, {}, '<Error><Code>NoSuchBucketPolicy</Code><Message>none</Message></Error>'];
    if (method === 'HEAD')
      return [
        200,
        {
          ...etag,
          'last-modified': 'Sat, 21 Nov 2026 10:00:00 GMT',
          'content-length': String(size),
          'x-oss-object-type': 'Appendable',
          'x-oss-next-append-position': String(size),
        },
      ];
    if (method === 'POST') return [200, { ...etag, 'x-oss-next-append-position': String(size + 4) }];
    return [200, etag];
  });
  gateway = await startGateway({
    policy: policyOf({ default: 'managed' }),
    stores: {
      hangzhou: {
        type: 'aliyun-oss',
        endpoint: store.endpoint,
        region: 'cn-hangzhou',
        credentials: { accessKeyId: 'AKSTORE', secretAccessKey: 'secret' },
      },
    },
  });
  await awsClient(gateway).send(new CreateBucketCommand({ Bucket: BUCKET }));
  oss = ossClient(gateway, { bucket: BUCKET, v4: true });
});
afterAll(async () => {
  await gateway.close();
  await store.close();
});
beforeEach(() => {
  begun = under(STORE_KEY);
  size = 4;
  store.requests.length = 0;
});

function policyOf(encryption: object): object {
  return {
    version: 1,
    keys: { orders: { hangzhou: ORDERS } },
    buckets: [{ match: '*', store: 'hangzhou', encryption }],
  };
}

async function decree(encryption: object): Promise<void> {
  gateway.writePolicy(policyOf(encryption));
  expect((await gateway.runtime.reload()).ok).toBe(true);
}

const append = () => oss.append('k', Buffer.from('four'), { position: size });

test.each([
  ['demands', { default: { kms: 'default' }, clients: 'refuse' }],
  ['accepts', { default: 'managed' }],
])('an object begun under the store’s default key takes up more where the policy %s that key', async (_, block) => {
  await decree(block);
  const { nextAppendPosition, res } = await append();
  expect(nextAppendPosition).toBe('8');
  expect(res.headers).toMatchObject(under(STORE_KEY));
  const sent = store.requests.find(({ method }) => method === 'POST');
  expect(sent?.body.toString()).toBe('four');
  // OSS: the first append decides, the headers of later ones have no effect.
  expect(Object.keys(sent?.headers ?? {}).filter((name) => name.includes('encryption'))).toEqual([]);
});

test.each([
  ['the default key', under(STORE_KEY), 'kms with the default key'],
  ['a named key', under(ORDERS), 'kms with key orders'],
])('a refusal of what was begun under %s names it as the policy does', async (_, headers, name) => {
  begun = headers;
  await decree({ default: 'managed', clients: 'refuse' });
  const refusal = await append().then(
    () => undefined,
    (error: unknown) => error as { readonly code: string; readonly status: number; readonly message: string },
  );
  expect(refusal).toMatchObject({ code: 'AccessDenied', status: 403 });
  expect(refusal?.message).toContain(`what is continued was begun under ${name}`);
  expect(refusal?.message).not.toMatch(/acs:|9468da86|e1935511/);
  expect(store.requests.some(({ method }) => method === 'POST')).toBe(false);
});

test('an object with nothing in it is continued like any other, and makes the store no liar', async () => {
  begun = {};
  size = 0;
  await decree({ default: { kms: 'orders' } });
  await expect(append()).rejects.toMatchObject({ code: 'AccessDenied', status: 403 });
  expect(store.requests.some(({ method }) => method === 'POST')).toBe(false);
  begun = under(ORDERS);
  expect((await append()).nextAppendPosition).toBe('4');
});
