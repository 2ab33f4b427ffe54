import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { Sha256 } from '@aws-crypto/sha256-js';
import { CreateBucketCommand, DeleteObjectsCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestClient, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';

const POLICY = {
  version: 1,
  buckets: [{ match: 'photos*', store: 'local', encryption: { default: 'managed' } }],
};
const READER = { grants: [{ buckets: ['photos*'], actions: ['read', 'list'] }], keys: ['*'] };
const MD5 = '1B2M2Y8AsgTpgAmY7PhCfg==';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    policy: POLICY,
    clients: {
      reader: READER,
      prefixed: { grants: [{ buckets: ['photos'], prefixes: ['mine/'], actions: ['delete'] }], keys: [] },
    },
  });
  const main = awsClient(gateway);
  await main.send(new CreateBucketCommand({ Bucket: 'photos' }));
  for (const Key of ['mine/1', 'theirs/1']) await main.send(new PutObjectCommand({ Bucket: 'photos', Key, Body: 'x' }));
  main.destroy();
});
afterAll(() => gateway.close());

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly length: number;
  readonly expects?: boolean;
}

async function s3Head(client: TestClient, { method, path, query = {}, length, expects }: Sent): Promise<string> {
  const signer = new SignatureV4({
    service: 's3',
    region: 'us-east-1',
    credentials: client,
    sha256: Sha256,
    uriEscapePath: false,
  });
  const { headers } = await signer.sign({
    method,
    protocol: 'http:',
    hostname: '127.0.0.1',
    port: gateway.port,
    path,
    query: { ...query },
    headers: { host: `127.0.0.1:${gateway.port}`, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'content-md5': MD5 },
  });
  return headOf({ method, path, query, length, expects: expects === true }, headers);
}

function ossHead(client: TestClient, { method, path, query = {}, length, expects }: Sent): Promise<string> {
  const date = new Date().toUTCString();
  const named = Object.entries(query).map(([name, value]) => (value === '' ? name : `${name}=${value}`));
  const resource = named.length === 0 ? path : `${path}?${named.join('&')}`;
  const signature = createHmac('sha1', client.secretAccessKey)
    .update(`${method}\n${MD5}\n\n${date}\n${resource}`)
    .digest('base64');
  return Promise.resolve(
    headOf(
      { method, path, query, length, expects: expects === true },
      {
        host: `127.0.0.1:${gateway.port}`,
        date,
        'content-md5': MD5,
        authorization: `OSS ${client.accessKeyId}:${signature}`,
      },
    ),
  );
}

function headOf(
  { method, path, query = {}, length, expects }: Sent,
  headers: Readonly<Record<string, string>>,
): string {
  const search = Object.entries(query).map(([name, value]) => (value === '' ? name : `${name}=${value}`));
  const lines = Object.entries({
    ...headers,
    'content-length': String(length),
    ...(expects === true ? { expect: '100-continue' } : {}),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path}${search.length === 0 ? '' : '?'}${search.join('&')} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** Sends a head and no byte of a body: what comes back was decided without one. */
function ask(head: string): Promise<string> {
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write(head);
  return new Promise((resolve) => {
    let text = '';
    const settle = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(settle, 5000);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (/<\/Error>$/.test(text) || text === 'HTTP/1.1 100 Continue\r\n\r\n') settle();
    });
    socket.on('error', settle);
  });
}

const BIG = 1_900_000;
const SMALL = 60_000;
const S3: readonly (readonly [string, Sent])[] = [
  ['DeleteObjects', { method: 'POST', path: '/photos', query: { delete: '' }, length: BIG }],
  ['CompleteMultipartUpload', { method: 'POST', path: '/photos/k', query: { uploadId: 'u' }, length: BIG }],
  ['PutObjectTagging', { method: 'PUT', path: '/photos/k', query: { tagging: '' }, length: SMALL }],
  ['PutBucketEncryption', { method: 'PUT', path: '/photos', query: { encryption: '' }, length: SMALL }],
  ['PutBucketReplication', { method: 'PUT', path: '/photos', query: { replication: '' }, length: SMALL }],
  ['PutBucketPolicy', { method: 'PUT', path: '/photos', query: { policy: '' }, length: 20_000 }],
  ['CreateBucket', { method: 'PUT', path: '/photos-new', length: SMALL }],
  ['PutBucketLifecycle', { method: 'PUT', path: '/photos', query: { lifecycle: '' }, length: SMALL }],
  ['PutBucketAcl', { method: 'PUT', path: '/photos', query: { acl: '' }, length: SMALL }],
  ['PutObjectAcl', { method: 'PUT', path: '/photos/k', query: { acl: '' }, length: SMALL }],
];
const OSS: readonly (readonly [string, Sent])[] = [
  ['DeleteObjects', { method: 'POST', path: '/photos/', query: { delete: '' }, length: BIG }],
  ['CompleteMultipartUpload', { method: 'POST', path: '/photos/k', query: { uploadId: 'u' }, length: BIG }],
  ['PutObjectTagging', { method: 'PUT', path: '/photos/k', query: { tagging: '' }, length: SMALL }],
  ['PutBucketEncryption', { method: 'PUT', path: '/photos/', query: { encryption: '' }, length: SMALL }],
  ['PutBucketPolicy', { method: 'PUT', path: '/photos/', query: { policy: '' }, length: 16_000 }],
  ['CreateBucket', { method: 'PUT', path: '/photos-new/', length: SMALL }],
  ['PutBucketLifecycle', { method: 'PUT', path: '/photos/', query: { lifecycle: '' }, length: SMALL }],
];

describe.each([
  ['S3', s3Head, S3],
  ['OSS', ossHead, OSS],
] as const)('a document from an %s client', (_language, signed, operations) => {
  test.each(operations)('of %s is refused without a grant before a byte of it came', async (_name, sent) => {
    const reader = gateway.clients['reader']!;
    for (const expects of [false, true]) {
      const text = await ask(await signed(reader, { ...sent, expects }));
      expect(text).toMatch(/^HTTP\/1\.1 403 /);
      expect(text).toContain('<Code>AccessDenied</Code>');
    }
    const nowhere = { ...sent, path: sent.path.replace('/photos', '/elsewhere') };
    expect(await ask(await signed(gateway.main, nowhere))).toMatch(/^HTTP\/1\.1 403 [^]*AccessDenied/);
  });

  test.each(operations)('of %s is asked for where it is granted', async (_name, sent) => {
    expect(await ask(await signed(gateway.main, { ...sent, expects: true }))).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  });

  test.each(operations)('of %s that is longer than such documents are is refused unread', async (name, sent) => {
    const long = name === 'DeleteObjects' || name === 'CompleteMultipartUpload' ? 2 * 1024 * 1024 + 1 : 64 * 1024 + 1;
    for (const expects of [false, true])
      expect(await ask(await signed(gateway.main, { ...sent, length: long, expects }))).toMatch(/^HTTP\/1\.1 400 /);
  });
});

test('a list of deletions is read for who may delete some key of the bucket, and each key is judged', async () => {
  const some = awsClient(gateway, { client: gateway.clients['prefixed']! });
  const answer = await some.send(
    new DeleteObjectsCommand({ Bucket: 'photos', Delete: { Objects: [{ Key: 'mine/1' }, { Key: 'theirs/1' }] } }),
  );
  expect(answer.Deleted?.map(({ Key }) => Key)).toEqual(['mine/1']);
  expect(answer.Errors?.map(({ Key, Code }) => [Key, Code])).toEqual([['theirs/1', 'AccessDenied']]);
  some.destroy();
  const main = awsClient(gateway);
  const listed = await main.send(new ListObjectsV2Command({ Bucket: 'photos' }));
  expect(listed.Contents?.map(({ Key }) => Key)).toEqual(['theirs/1']);
  main.destroy();
});
