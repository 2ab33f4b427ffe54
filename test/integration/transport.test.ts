import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Agent as HttpsAgent } from 'node:https';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';

const DENIED = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };
const RIGHTS = { grants: [{ buckets: ['*'], actions: ['read', 'write', 'list', 'configure'] }], keys: ['*'] };

const POLICY = {
  version: 1,
  buckets: [
    {
      match: 'safe',
      store: 'local',
      encryption: { default: 'managed' },
      transport: { httpsOnly: true },
      prefixes: [
        { prefix: 'public/', transport: { httpsOnly: false } },
        { prefix: 'modern/', transport: { minTls: '1.3' } },
      ],
    },
    {
      match: 'open',
      store: 'local',
      encryption: { default: 'managed' },
      prefixes: [{ prefix: 'private/', transport: { httpsOnly: true } }],
    },
    {
      match: 'modern',
      store: 'local',
      encryption: { default: 'managed' },
      transport: { httpsOnly: true, minTls: '1.3' },
    },
  ],
};

describe('transport rules', () => {
  let gateway: TestGateway;
  let plain: S3Client;
  let secure: S3Client;
  let tls12: S3Client;
  beforeAll(async () => {
    gateway = await startGateway({
      policy: POLICY,
      clients: { careful: { ...RIGHTS, transport: { httpsOnly: true, minTls: '1.3' } } },
    });
    plain = awsClient(gateway);
    secure = awsClient(gateway, { secure: true });
    tls12 = overTls12(gateway, gateway.main);
    for (const bucket of ['safe', 'open', 'modern']) await secure.send(new CreateBucketCommand({ Bucket: bucket }));
  });
  afterAll(() => gateway.close());

  const put = (s3: S3Client, Bucket: string, Key: string): Promise<unknown> =>
    s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));

  test('httpsOnly by bucket, with a prefix that lifts it', async () => {
    await expect(put(plain, 'safe', 'k')).rejects.toMatchObject(DENIED);
    await put(plain, 'safe', 'public/k');
    await put(secure, 'safe', 'k');
    await expect(plain.send(new GetObjectCommand({ Bucket: 'safe', Key: 'k' }))).rejects.toMatchObject(DENIED);
  });

  test('httpsOnly by prefix', async () => {
    await put(plain, 'open', 'k');
    await expect(put(plain, 'open', 'private/k')).rejects.toMatchObject(DENIED);
    await put(secure, 'open', 'private/k');
  });

  test('minTls by bucket and prefix', async () => {
    await put(secure, 'modern', 'k');
    await put(secure, 'safe', 'modern/k');
    await put(tls12, 'safe', 'k');
    await expect(put(tls12, 'modern', 'k')).rejects.toMatchObject(DENIED);
    await expect(put(tls12, 'safe', 'modern/k')).rejects.toMatchObject(DENIED);
  });

  test('a client’s own transport can only add', async () => {
    const client = gateway.clients['careful']!;
    await expect(put(awsClient(gateway, { client }), 'open', 'k')).rejects.toMatchObject(DENIED);
    await expect(put(overTls12(gateway, client), 'open', 'k')).rejects.toMatchObject(DENIED);
    await put(awsClient(gateway, { client, secure: true }), 'open', 'k');
  });
});

describe('a peer that is not trusted', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({ policy: POLICY, config: { trustedProxies: ['192.0.2.0/24'] } });
    await awsClient(gateway, { secure: true }).send(new CreateBucketCommand({ Bucket: 'safe' }));
  });
  afterAll(() => gateway.close());

  test.each([
    ['X-Forwarded-Proto', { 'x-forwarded-proto': 'https' }],
    ['a list in it', { 'x-forwarded-proto': 'https,http' }],
    ['capitals', { 'x-forwarded-proto': 'HTTPS' }],
    ['Forwarded', { forwarded: 'proto=https' }],
    ['X-Forwarded-Ssl', { 'x-forwarded-ssl': 'on' }],
    ['X-Forwarded-Port and Front-End-Https', { 'x-forwarded-port': '443', 'front-end-https': 'on' }],
  ])('says that it came over TLS (%s): refused, and its body is never invited', async (_what, headers) => {
    const { text } = await askToSend(gateway, headers);
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
    expect(text).toContain('<Code>AccessDenied</Code>');
    expect(text).not.toContain('100 Continue');
  });

  test('cannot speak for another host either: the signature is checked against the one that was sent', async () => {
    const { text } = await askToSend(gateway, { 'x-forwarded-host': 'elsewhere.example.com' }, 'safe', 'public/k');
    expect(text).toContain('100 Continue');
  });
});

describe('a peer that is trusted', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({ policy: POLICY, config: { trustedProxies: ['127.0.0.0/8'] } });
    await awsClient(gateway, { secure: true }).send(new CreateBucketCommand({ Bucket: 'safe' }));
  });
  afterAll(() => gateway.close());

  test('is believed, the last entry only', async () => {
    expect((await askToSend(gateway, { 'x-forwarded-proto': 'https' })).text).toContain('100 Continue');
    expect((await askToSend(gateway, { 'x-forwarded-proto': 'http, https' })).text).toContain('100 Continue');
    expect((await askToSend(gateway, { 'x-forwarded-proto': 'https, http' })).text).toMatch(/^HTTP\/1\.1 403 /);
    expect((await askToSend(gateway, {})).text).toMatch(/^HTTP\/1\.1 403 /);
    const other = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'elsewhere.example.com' };
    expect((await askToSend(gateway, other)).text).toContain('SignatureDoesNotMatch');
  });

  test('decides on a TLS socket too', async () => {
    const { text } = await askToSend(gateway, { 'x-forwarded-proto': 'http' }, 'safe', 'k', true);
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
  });
});

function overTls12(gateway: TestGateway, client: { accessKeyId: string; secretAccessKey: string }): S3Client {
  return awsClient(gateway, {
    secure: true,
    client,
    requestHandler: new NodeHttpHandler({
      httpsAgent: new HttpsAgent({ ca: gateway.certificate, maxVersion: 'TLSv1.2', keepAlive: true }),
    }),
  });
}

/** A signed PUT that waits for `100 Continue`, by hand: what is not signed is added to the head, the body never sent. */
async function askToSend(
  gateway: TestGateway,
  headers: Readonly<Record<string, string>>,
  bucket = 'safe',
  key = 'k',
  secure = false,
): Promise<{ readonly text: string }> {
  const port = secure ? gateway.securePort : gateway.port;
  const signer = new SignatureV4({
    service: 's3',
    region: 'us-east-1',
    credentials: gateway.main,
    sha256: Sha256,
    uriEscapePath: false,
  });
  const signed = await signer.sign({
    method: 'PUT',
    protocol: 'http:',
    hostname: '127.0.0.1',
    port,
    path: `/${bucket}/${key}`,
    query: {},
    headers: { host: `127.0.0.1:${port}`, 'content-length': '5', 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
  });
  const lines = Object.entries({ ...signed.headers, ...headers, expect: '100-continue' });
  const head = `PUT /${bucket}/${key} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  const socket: Socket = secure
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : connectPlain(port, '127.0.0.1');
  return await new Promise((resolve) => {
    let text = '';
    const settle = (): void => {
      socket.destroy();
      resolve({ text });
    };
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (/^HTTP\/1\.1 100 /.test(text) || text.includes('</Error>')) settle();
    });
    socket.on('error', settle);
    socket.on('close', settle);
    socket.write(head);
  });
}
