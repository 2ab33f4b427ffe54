import { randomBytes } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestClient, type TestGateway } from './gateway.ts';
import { ossClient } from './oss-clients.ts';
import { startRecordingStore, type Recording } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';
import { OPERATIONS, SCHEMES, type Draft } from './signature-schemes.ts';

const EPOCH = new Date(0).toUTCString();
const RIGHTS = {
  grants: [{ buckets: ['*'], actions: ['read', 'write', 'list', 'delete', 'configure'] }],
  keys: ['*'],
};

let gateway: TestGateway;
/** Every store of the gateway: whatever reaches it is counted. */
let store: Recording;
const agent = new Agent({ keepAlive: true, maxSockets: 16 });

beforeAll(async () => {
  store = await startRecordingStore(({ url }) =>
    url.includes('policy')
      ? [404, {}, '<Error><Code>NoSuchBucketPolicy</Code></Error>']
      : [200, { etag: '"0cc175b9c0f1b6a831c399e269772661"', 'last-modified': EPOCH, 'content-length': '1' }, 'a'],
  );
  const credentials = { accessKeyId: 'AKSTORE', secretAccessKey: 'secret' };
  gateway = await startGateway({
    policy: {
      version: 1,
      buckets: [
        { match: 'oss-*', store: 'oss', encryption: { default: 'store' } },
        { match: '*', store: 's3', encryption: { default: 'store' } },
      ],
    },
    stores: {
      s3: { type: 's3', endpoint: store.endpoint, region: 'us-east-1', addressing: 'path', credentials },
      oss: { type: 'aliyun-oss', endpoint: store.endpoint, region: 'cn-hangzhou', credentials },
    },
    clients: {
      pinned: { dialect: 'jd', ...RIGHTS },
      alibaba: { dialect: 'oss', ...RIGHTS },
    },
  });
});
afterAll(async () => {
  agent.destroy();
  await gateway.close();
  await store.close();
});
beforeEach(() => {
  store.requests.length = 0;
});

describe.each(SCHEMES)('$name', ({ place, signature: [size, encoding], statuses = [403] }) => {
  test.each(['main', 'pinned', 'nobody'])('a wrong signature of %s opens no operation', async (who) => {
    const id = gateway.clients[who]?.accessKeyId ?? 'AKNOBODY';
    const answers = await Promise.all(
      OPERATIONS.map(async (draft) => {
        const wrong = randomBytes(size).toString(encoding);
        return [`${draft.method} ${draft.path}?${draft.query}`, (await send(place(draft, id, wrong))).status] as const;
      }),
    );
    expect(answers.filter(([, answered]) => !statuses.includes(answered))).toEqual([]);
    expect(store.requests).toEqual([]);
  });
});

test('without a credential nothing is opened', async () => {
  const answers = await Promise.all(OPERATIONS.map(async (draft) => (await send(draft)).status));
  expect(new Set(answers)).toEqual(new Set([403]));
  expect(store.requests).toEqual([]);
});

/** URLs that do open the object, one of each mechanism, by the vendors' own signers. */
async function validUrls(client: TestClient = gateway.main): Promise<Readonly<Record<string, URL>>> {
  const at = { bucket: 'photos', client };
  const s3 = awsClient(gateway, { client });
  return {
    'AWS SigV4 query': new URL(
      await getSignedUrl(s3, new GetObjectCommand({ Bucket: 'photos', Key: 'a' }), { expiresIn: 60 }),
    ),
    'OSS V1 query': new URL(ossClient(gateway, at).signatureUrl('a', { expires: 60 })),
    'OSS V4 query': new URL(await ossClient(gateway, { ...at, v4: true }).signatureUrlV4('GET', 60, {}, 'a')),
  };
}

const SIGNATURE_NAMES = ['X-Amz-Signature', 'Signature', 'x-oss-signature'];

function signatureIn(url: URL): string {
  return SIGNATURE_NAMES.map((name) => url.searchParams.get(name)).find((value) => value !== null) ?? '';
}

function sharesText(one: string, other: string): boolean {
  return one.startsWith('OSS V1') && other.startsWith('AWS SigV2');
}

const MECHANISMS = ['AWS SigV4 query', 'OSS V1 query', 'OSS V4 query'] as const;

test('the right signature opens: the counters of this file can count', async () => {
  for (const url of Object.values(await validUrls())) {
    store.requests.length = 0;
    expect((await get(url)).status).toBe(200);
    expect(store.requests.length).toBeGreaterThan(0);
  }
  store.requests.length = 0;
  await awsClient(gateway).send(new HeadObjectCommand({ Bucket: 'photos', Key: 'a' }));
  await ossClient(gateway, { bucket: 'photos' }).head('a');
  expect(store.requests.length).toBeGreaterThan(1);
});

describe.each(MECHANISMS)('a valid %s', (from) => {
  test.each(SCHEMES.filter(({ name }) => name !== from && !sharesText(from, name)))(
    'does not open as $name',
    async ({ place, statuses = [403] }) => {
      const signature = signatureIn((await validUrls())[from]!);
      const draft: Draft = { method: 'GET', path: '/photos/a', query: '', headers: {} };
      const stolen = await send(place(draft, gateway.main.accessKeyId, signature));
      expect(statuses).toContain(stolen.status);
      expect(store.requests).toEqual([]);
    },
  );

  test('is refused beside a second mechanism, in the query or in a header', async () => {
    const urls = await validUrls();
    for (const [name, other] of Object.entries(urls)) {
      if (name === from) continue;
      const both = new URL(urls[from]!);
      for (const [key, value] of other.searchParams) both.searchParams.append(key, value);
      expect([name, (await get(both)).status]).toEqual([name, 400]);
    }
    for (const { name, place, signature } of SCHEMES.filter(({ name }) => name.endsWith('header'))) {
      const [size, encoding] = signature;
      const wrong = randomBytes(size).toString(encoding);
      const draft = draftOf(urls[from]!);
      const answer = await send(place(draft, gateway.main.accessKeyId, wrong));
      expect([name, answer.status]).toEqual([name, 400]);
    }
    expect(store.requests).toEqual([]);
  });

  test('is refused with the other vendor`s headers, signed or not', async () => {
    const url = (await validUrls())[from]!;
    const foreign = from.startsWith('AWS')
      ? ['x-oss-server-side-encryption', 'x-oss-meta-a', 'x-oss-object-acl', 'x-oss-callback']
      : ['x-amz-server-side-encryption', 'x-amz-meta-a', 'x-amz-acl', 'x-amz-copy-source'];
    for (const name of foreign) {
      const answer = await send({ ...draftOf(url), headers: { [name]: 'AES256' } });
      expect([name, answer.status]).toEqual([name, 400]);
      expect(answer.body).toContain('<Code>InvalidArgument</Code>');
    }
    expect(store.requests).toEqual([]);
  });

  test('does not open another method, key, bucket or host', async () => {
    const draft = draftOf((await validUrls())[from]!);
    const moved: readonly Draft[] = [
      { ...draft, method: 'PUT', body: 'x' },
      { ...draft, method: 'DELETE' },
      { ...draft, path: '/photos/b' },
      { ...draft, path: '/oss-photos/a' },
      { ...draft, path: '/photos/a/' },
      { ...draft, query: `${draft.query}&acl` },
      { ...draft, query: `${draft.query}&uploadId=u` },
    ];
    for (const one of moved) {
      const { status } = await send(one);
      expect([one.method, one.path, status]).toEqual([one.method, one.path, 403]);
    }
    expect(store.requests).toEqual([]);
  });
});

/**
 * OSS V1 was made after SigV2: without headers of the vendor both are HMAC-SHA1, under the bare secret, of the same text. What
 * such a URL opens is the same request in either language, no other; a pin of the client, or of the listener, takes even that.
 */
test('the text that OSS V1 and SigV2 share opens the same request only, and not under a pin', async () => {
  const take = async (client: TestClient, change: Partial<Draft> = {}): Promise<number> => {
    const url = (await validUrls(client))['OSS V1 query']!;
    const query = url.search.slice(1).replace('OSSAccessKeyId', 'AWSAccessKeyId');
    return (await send({ ...draftOf(url), query, ...change })).status;
  };
  expect(await take(gateway.main)).toBe(200);
  store.requests.length = 0;
  expect(await take(gateway.main, { method: 'PUT', body: 'x' })).toBe(403);
  expect(await take(gateway.main, { path: '/photos/b' })).toBe(403);
  expect(await take(gateway.main, { headers: { 'x-amz-server-side-encryption': 'AES256' } })).toBe(403);
  expect(await take(gateway.clients['alibaba']!)).toBe(403);
  expect(store.requests).toEqual([]);
});

test('unsigned headers of the own vendor do not pass under a SigV4 signature', async () => {
  const url = (await validUrls())['AWS SigV4 query']!;
  for (const name of ['x-amz-server-side-encryption', 'x-amz-meta-a', 'x-amz-copy-source']) {
    const answer = await send({ ...draftOf(url), headers: { [name]: 'AES256' } });
    expect([name, answer.status]).toEqual([name, 403]);
  }
  expect(store.requests).toEqual([]);
});

test('a credential that is pinned to one language opens nothing in another', async () => {
  const { 'AWS SigV4 query': own, ...others } = await validUrls(gateway.clients['pinned']);
  for (const url of Object.values(others)) expect((await get(url)).status).toBe(403);
  expect(store.requests).toEqual([]);
  expect((await get(own!)).status).toBe(200);
});

function draftOf(url: URL): Draft {
  return { method: 'GET', path: url.pathname, query: url.search.slice(1), headers: { host: url.host } };
}

function get(url: URL): Promise<{ readonly status: number; readonly body: string }> {
  return send(draftOf(url));
}

function send({
  method,
  path,
  query,
  headers,
  body,
}: Draft): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const target = query === '' ? path : `${path}?${query}`;
    const call = httpRequest(
      {
        agent,
        host: '127.0.0.1',
        port: gateway.port,
        method,
        path: target,
        headers: { host: `localhost:${gateway.port}`, ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
        });
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}
