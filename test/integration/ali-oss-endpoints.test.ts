import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { ossClient, type AliOssClient } from './oss-clients.ts';
import { startRecordingStore, type Recording } from './recording-store.ts';

const SSE = 'x-oss-server-side-encryption';
const TOKEN = 'CAIS+token/with=signs';

let gateway: TestGateway;
/** Plays OSS as far as encryption headers go: what was asked is what was done. */
let alibaba: Recording;
beforeAll(async () => {
  alibaba = await startRecordingStore(({ method, url, headers, body }) => {
    if (method === 'GET' && /^\/(\?|$)/.test(url) && !url.includes('policy'))
      return [200, {}, '<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>'];
    if (method === 'GET') return [404, {}, '<Error><Code>NoSuchBucketPolicy</Code><Message>none</Message></Error>'];
    const echoed = Object.entries(headers).filter(([name]) => name.startsWith('x-oss-server-side'));
    const etag = `"${createHash('md5').update(body).digest('hex').toUpperCase()}"`;
    return [200, { etag, ...(Object.fromEntries(echoed) as Record<string, string>) }];
  });
  gateway = await startGateway({
    policy: {
      version: 1,
      keys: { orders: { alibaba: 'orders' }, archive: {} },
      buckets: [
        { match: 'sm4-*', store: 'alibaba', encryption: { default: { managed: 'SM4' } } },
        { match: 'mirror-plain', store: 'alibaba', encryption: { default: 'none' }, allow: ['fetch'] },
        { match: 'mirror-sealed', store: 'alibaba', encryption: { default: 'managed' }, allow: ['fetch'] },
        { match: 'alibaba-*', store: 'alibaba', encryption: { default: 'store' } },
        { match: 'ignoring', store: 'local', encryption: { default: { kms: 'orders' }, clients: 'ignore' } },
        { match: '*', store: 'local', encryption: { default: 'managed' } },
      ],
    },
    stores: {
      alibaba: {
        type: 'aliyun-oss',
        endpoint: alibaba.endpoint,
        region: 'cn-hangzhou',
        credentials: { accessKeyId: 'LTAI', secretAccessKey: 'secret' },
      },
    },
    clients: {
      sts: {
        sessionToken: TOKEN,
        grants: [{ buckets: ['*'], actions: ['read', 'write', 'list', 'delete'] }],
        keys: ['*'],
      },
    },
    config: { cnames: { 'files.localhost': 'photos' }, domains: ['storage.localhost'] },
  });
  await ossClient(gateway, { bucket: 'photos' }).putBucket('photos');
});
afterAll(async () => {
  await gateway.close();
  await alibaba.close();
});

describe.each([
  { v4: false, scheme: 'V1' },
  { v4: true, scheme: 'V4' },
])('ali-oss with $scheme', ({ v4, scheme }) => {
  test.each([
    { pathStyle: false, sent: 'the bucket in Host only' },
    { pathStyle: true, sent: 'the bucket in Host and path' },
  ])('at an IP endpoint sends $sent', async ({ pathStyle }) => {
    const client = ossClient(gateway, {
      bucket: 'photos',
      v4,
      pathStyle,
      endpoint: `http://127.0.0.1:${gateway.port}`,
    });
    const key = `ip/${scheme}/${pathStyle}/ä +.txt`;
    await client.put(key, Buffer.from('hello'));
    expect((await client.get(key)).content.toString()).toBe('hello');
    expect((await client.list({ prefix: `ip/${scheme}/${pathStyle}/` })).objects?.map(({ name }) => name)).toEqual([
      key,
    ]);
    expect((await client.listBuckets({})).buckets?.map(({ name }) => name)).toEqual(['photos']);
    const big = Buffer.alloc(250 * 1024, 1);
    await client.multipartUpload(`${key}.big`, big, { partSize: 100 * 1024 });
    expect((await client.get(`${key}.big`)).content.equals(big)).toBe(true);
    await client.delete(`${key}.big`);
  });

  test('an STS token must be there and must be the right one', async () => {
    const client = gateway.clients['sts']!;
    const at = { bucket: 'photos', v4, client };
    const good = ossClient(gateway, { ...at, stsToken: TOKEN });
    await good.put('sts', Buffer.from('with a token'));
    expect((await good.get('sts')).content.toString()).toBe('with a token');
    for (const wrong of [ossClient(gateway, at), ossClient(gateway, { ...at, stsToken: 'another' })])
      await expect(wrong.put('sts', Buffer.from('x'))).rejects.toMatchObject({ status: 403 });
    const url = v4 ? await good.signatureUrlV4('GET', 60, {}, 'sts') : good.signatureUrl('sts');
    expect(await (await fetch(url)).text()).toBe('with a token');
    const without = new URL(url);
    without.searchParams.delete(v4 ? 'x-oss-security-token' : 'security-token');
    expect((await fetch(without)).status).toBe(403);
  });

  test('SM4 and KMS with SM4 reach an OSS store exactly as they were asked', async () => {
    const client: AliOssClient = ossClient(gateway, { bucket: 'alibaba-photos', v4 });
    const wishes: Record<string, string>[] = [
      { [SSE]: 'SM4' },
      { [SSE]: 'KMS', 'x-oss-server-side-data-encryption': 'SM4' },
      { [SSE]: 'KMS', [`${SSE}-key-id`]: 'orders', 'x-oss-server-side-data-encryption': 'SM4' },
      { [SSE]: 'KMS', [`${SSE}-key-id`]: 'orders', [`${SSE}-context`]: '{"a":"b"}' },
    ];
    for (const headers of wishes) {
      const put = await client.put('sm4', Buffer.from('x'), { headers });
      const sent = alibaba.requests.findLast(({ method }) => method === 'PUT')!;
      const family = Object.entries(sent.headers).filter(([name]) => name.startsWith('x-oss-server-side'));
      expect(Object.fromEntries(family)).toEqual(headers);
      const { [`${SSE}-context`]: _context, ...shown } = headers;
      expect(put.res.headers).toMatchObject(shown);
      expect(sent.headers.host).toMatch(/^alibaba-photos\.127\.0\.0\.1:/);
      expect(sent.headers.authorization).toMatch(/^OSS4-HMAC-SHA256 Credential=LTAI\//);
    }
    const byDefault = await ossClient(gateway, { bucket: 'sm4-photos', v4 }).put('x', Buffer.from('x'));
    expect(byDefault.res.headers[SSE]).toBe('SM4');
  });
});

test('SM4 is refused on the embedded store, and nothing is written', async () => {
  const client = ossClient(gateway, { bucket: 'photos' });
  for (const headers of [{ [SSE]: 'SM4' }, { [SSE]: 'KMS', 'x-oss-server-side-data-encryption': 'SM4' }])
    await expect(client.put('never', Buffer.from('x'), { headers })).rejects.toMatchObject({
      status: 400,
      code: 'InvalidEncryptionAlgorithmError',
    });
  await expect(client.head('never')).rejects.toMatchObject({ status: 404 });
});

test('a rule that mirrors from an origin passes where the policy allows it, never where it demands encryption', async () => {
  const website = {
    index: 'index.html',
    routingRules: [
      {
        RuleNumber: '1',
        Condition: { HttpErrorCodeReturnedEquals: '404' },
        Redirect: { RedirectType: 'Mirror', MirrorURL: 'http://origin.example.com/' },
      },
    ],
  };
  const configured = () => alibaba.requests.filter(({ url }) => url.includes('website'));
  for (const bucket of ['mirror-sealed', 'alibaba-photos'])
    await expect(ossClient(gateway, { bucket }).putBucketWebsite(bucket, website)).rejects.toMatchObject({
      status: 403,
      message: expect.stringMatching(/the service does not encrypt what it fetches/),
    });
  expect(configured()).toEqual([]);
  await ossClient(gateway, { bucket: 'mirror-plain' }).putBucketWebsite('mirror-plain', website);
  expect(configured().map(({ method, body }) => [method, body.includes('Mirror')])).toEqual([['PUT', true]]);
});

test('headers that a rule ignores are ignored on every part too', async () => {
  const client = ossClient(gateway, { bucket: 'ignoring' });
  await client.putBucket('ignoring');
  const headers = { [SSE]: 'KMS', [`${SSE}-key-id`]: 'archive' };
  const bytes = Buffer.alloc(250 * 1024, 1);
  const done = await client.multipartUpload('x', bytes, { partSize: 100 * 1024, headers });
  expect(done.res.headers).toMatchObject({ [SSE]: 'KMS', [`${SSE}-key-id`]: 'orders' });
  expect((await client.get('x')).content.equals(bytes)).toBe(true);
});
