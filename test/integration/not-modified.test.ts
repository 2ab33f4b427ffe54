import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChain, STORES, type Chain } from './chained-gateways.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { exchangeOssV1, exchangeV4, type Exchanged } from './raw-exchange.ts';
import { startRecordingStore, type Recording } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';

/** RFC 9110 15.4.5: what the 200 would have told. */
const TOLD = ['etag', 'last-modified', 'cache-control', 'expires'] as const;
const told = ({ headers }: Exchanged): readonly (string | undefined)[] => TOLD.map((name) => headers[name]);
const HOUR = 3600_000;

describe.each(STORES)('a 304 from %s', (store) => {
  let chain: Chain;
  const bucket = `${store}-open-unchanged`;
  beforeAll(async () => {
    chain = await startChain();
    const s3 = awsClient(chain.front);
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    const caching = { CacheControl: 'max-age=60', Expires: new Date('2030-01-01T00:00:00Z') };
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'k', Body: 'hello', ...caching }));
  });
  afterAll(() => chain.close());

  const ask = {
    s3: (method: string, headers = {}, query = ''): Promise<Exchanged> =>
      exchangeV4(chain.front.port, chain.front.main, { method, target: `/${bucket}/k${query}`, headers }),
    oss: (method: string, headers = {}, query = ''): Promise<Exchanged> =>
      exchangeOssV1(chain.front.port, chain.front.main, {
        method,
        target: `/${bucket}/k${query}`,
        resource: `/${bucket}/k${decodeURIComponent(query)}`,
        headers,
      }),
  };

  test.each(['s3', 'oss'] as const)('tells %s clients what HEAD tells them', async (dialect) => {
    const head = await ask[dialect]('HEAD');
    expect(head.headers['etag']).toBe(
      dialect === 'oss' ? '"5D41402ABC4B2A76B9719D911017C592"' : '"5d41402abc4b2a76b9719d911017c592"',
    );
    expect(told(head).slice(2)).toEqual(['max-age=60', 'Tue, 01 Jan 2030 00:00:00 GMT']);
    const conditions = [
      { 'if-none-match': head.headers['etag'] ?? '' },
      { 'if-none-match': '"x", "5D41402ABC4B2A76B9719D911017C592"' },
      { 'if-modified-since': new Date(Date.now() + HOUR).toUTCString() },
    ];
    for (const method of ['GET', 'HEAD'])
      for (const headers of conditions) {
        const unchanged = await ask[dialect](method, headers);
        expect([unchanged.status, unchanged.text]).toEqual([304, '']);
        expect(told(unchanged)).toEqual(told(head));
      }
  });

  test.each(['s3', 'oss'] as const)('tells %s clients what their response-* parameters asked for', async (dialect) => {
    const headers = { 'if-none-match': '"5d41402abc4b2a76b9719d911017c592"' };
    const query = '?response-cache-control=no-cache';
    const unchanged = await ask[dialect]('GET', headers, query);
    expect([unchanged.status, unchanged.headers['cache-control']]).toEqual([304, 'no-cache']);
  });
});

describe('a store whose 304 is silent', () => {
  let store: Recording;
  let gateway: TestGateway;
  beforeAll(async () => {
    const attributes = { etag: '"abc"', 'last-modified': 'Tue, 01 Dec 2026 10:00:00 GMT', 'content-length': '5' };
    store = await startRecordingStore(({ url, headers }) => {
      if (url !== '/photos/k') return [404, {}];
      return headers['if-none-match'] === undefined ? [200, attributes] : [304, {}];
    });
    const credentials = { accessKeyId: 'AKSTORE', secretAccessKey: 'secret-of-the-store' };
    gateway = await startGateway({
      policy: { version: 1, buckets: [{ match: '*', store: 'remote', encryption: { default: 'store' } }] },
      stores: {
        remote: { type: 's3', endpoint: store.endpoint, region: 'us-east-1', addressing: 'path', credentials },
      },
    });
  });
  afterAll(async () => {
    await gateway.close();
    await store.close();
  });

  test('is asked with HEAD, so that the client learns the validators all the same', async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await exchangeV4(gateway.port, gateway.main, {
        method,
        target: '/photos/k',
        headers: { 'if-none-match': '"abc"', range: 'bytes=0-1' },
      });
      expect([answer.status, ...told(answer)]).toEqual([
        304,
        '"abc"',
        'Tue, 01 Dec 2026 10:00:00 GMT',
        undefined,
        undefined,
      ]);
    }
    const heads = store.requests.filter(
      ({ headers }) => headers['if-none-match'] === undefined && headers.range === undefined,
    );
    expect(heads.filter(({ method, url }) => method === 'HEAD' && url === '/photos/k')).toHaveLength(2);
  });
});
