import { createHash } from 'node:crypto';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CopyObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createServices } from '../../src/assemble.ts';
import { run } from '../../src/cli/run.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';

const POLICY = {
  version: 1,
  keys: { orders: { keyring: 'orders' }, archive: { keyring: 'archive' } },
  buckets: [
    { match: 'secure-*', store: 'local', encryption: { default: 'managed' }, transport: { httpsOnly: true } },
    { match: 'kms-*', store: 'local', encryption: { default: { kms: 'orders' }, accept: [{ kms: 'orders' }] } },
    { match: 'refuse-*', store: 'local', encryption: { default: 'managed', clients: 'refuse' } },
    {
      match: 'cloud-*',
      store: 'cloud',
      name: 'prod-{bucket}',
      encryption: { default: { kms: 'default' }, by: 'store' },
    },
    { match: 'open-*', store: 'local', encryption: { default: 'managed' } },
  ],
};

let gateway: TestGateway;
let tap: Tap;
let client: S3Client;
const files = mkdtempSync(join(tmpdir(), 'heads-'));

beforeAll(async () => {
  gateway = await startGateway({
    policy: POLICY,
    stores: {
      cloud: {
        type: 's3',
        endpoint: 'http://127.0.0.1:9',
        region: 'eu-west-1',
        credentials: { accessKeyId: 'STOREKEY', secretAccessKey: 'a-secret-of-the-store' },
      },
    },
    clients: { reader: { grants: [{ buckets: ['open-*'], actions: ['read', 'write'] }], keys: [] } },
  });
  tap = await openTap(gateway.port);
  client = awsClient(gateway, { endpoint: `http://127.0.0.1:${tap.port}` });
});
afterAll(async () => {
  client.destroy();
  await tap.close();
  await gateway.close();
});

/** Bytes of clients on their way to the gateway, kept. */
interface Tap {
  readonly port: number;
  lastHead(): string;
  close(): Promise<void>;
}

async function openTap(port: number): Promise<Tap> {
  let seen = '';
  const server: Server = createServer((socket) => {
    const upstream = connect(port, '127.0.0.1');
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      seen = /^[A-Z]+ \S+ HTTP\/1\.1\r\n/.test(text) ? text : seen + text;
    });
    socket.on('error', () => upstream.destroy());
    upstream.on('error', () => socket.destroy());
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as AddressInfo).port,
    lastHead: () => seen.split('\r\n\r\n')[0] ?? '',
    close: () => new Promise((done) => server.close(() => done())),
  };
}

interface Explained {
  readonly head: {
    readonly dialect: string;
    readonly operation?: string;
    readonly known?: boolean;
    readonly signature?: string;
  };
  readonly outcome: 'allow' | 'deny';
  readonly access?: { readonly effect: string; readonly code?: string };
  readonly decision?: {
    readonly effect: string;
    readonly code?: string;
    readonly encryption?: { readonly kind: string };
  };
  readonly refused?: { readonly code: string; readonly status?: number };
  readonly winner?: { readonly name: string; readonly line: number };
  readonly stores?: readonly {
    readonly store: string;
    readonly path?: string;
    readonly headers: readonly (readonly [string, string])[];
    readonly notes: readonly string[];
  }[];
}

async function explain(
  head: string,
  ...more: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const file = join(files, 'head.txt');
  writeFileSync(file, head);
  let [out, err] = ['', ''];
  const services = {
    ...createServices(),
    stdout: (text: string) => void (out += text),
    stderr: (text: string) => void (err += text),
  };
  const code = await run(services, ['explain', '--config', gateway.configFile, '--head', file, ...more]);
  return { code, out, err };
}

async function explained(head: string, ...more: readonly string[]): Promise<Explained> {
  const { code, out, err } = await explain(head, '--json', ...more);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out) as Explained;
}

function codeOf({ access, decision, refused }: Explained): string {
  const denied = [access, decision].find((each) => each?.effect === 'deny');
  return refused?.code ?? denied?.code ?? 'ok';
}

describe('a head as the AWS SDK sends it', () => {
  const key = Buffer.alloc(32, 7).toString('base64');
  test.each<readonly [string, string, Partial<PutObjectCommandInput>]>([
    ['no wish', 'kms-a', {}],
    ['an accepted key', 'kms-a', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' }],
    ['a key that is not accepted', 'kms-a', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'archive' }],
    ['an unknown key', 'kms-a', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'nobody' }],
    ['a wish that is refused', 'refuse-a', { ServerSideEncryption: 'aws:kms' }],
    ['a wish that is the default', 'refuse-a', { ServerSideEncryption: 'AES256' }],
    ['an ill-formed wish', 'open-a', { ServerSideEncryption: 'rot13' as never }],
    ["a customer's key over HTTP", 'open-a', { SSECustomerAlgorithm: 'AES256', SSECustomerKey: key }],
    ['HTTPS only', 'secure-a', {}],
    ['no rule', 'nowhere', {}],
  ])('%s is explained as it is answered', async (_name, Bucket, wish) => {
    const answer = await client
      .send(new PutObjectCommand({ Bucket, Key: 'a b/ü.txt', Body: 'x', ...wish }))
      .then(() => 'ok')
      .catch((error: unknown) => (error as Error).name);
    const head = await explained(tap.lastHead(), '--http');
    // Buckets do not exist here: what the policy lets pass ends at the store.
    expect(codeOf(head)).toBe(answer === 'NoSuchBucket' ? 'ok' : answer);
    expect(head.head).toMatchObject({
      dialect: 's3',
      ...(head.head.operation === undefined ? {} : { operation: 'PutObject', known: true, signature: 'not verified' }),
    });
  });

  test('a copy is judged at its source too', async () => {
    const reader = awsClient(gateway, { endpoint: `http://127.0.0.1:${tap.port}`, client: gateway.clients['reader']! });
    const copy = new CopyObjectCommand({ Bucket: 'open-a', Key: 'copy', CopySource: 'kms-a/source' });
    const answer = await reader.send(copy).catch((error: unknown) => (error as Error).name);
    reader.destroy();
    const head = await explained(tap.lastHead(), '--http');
    expect([answer, codeOf(head), head.outcome]).toEqual(['AccessDenied', 'AccessDenied', 'deny']);
  });

  test('a read is explained without a decision', async () => {
    await client.send(new GetObjectCommand({ Bucket: 'open-a', Key: 'x' })).catch(() => undefined);
    const head = await explained(tap.lastHead(), '--http');
    expect(head).toMatchObject({ outcome: 'allow', head: { operation: 'GetObject' }, winner: { name: 'open-*' } });
    expect(head.decision).toBeUndefined();
  });

  test('what the store would be told is shown in its words, secrets redacted', async () => {
    const put = new PutObjectCommand({
      Bucket: 'cloud-a',
      Key: 'k',
      Body: 'x',
      Metadata: { colour: 'red' },
      ServerSideEncryption: 'aws:kms',
      SSEKMSEncryptionContext: Buffer.from('{"team":"blue"}').toString('base64'),
    });
    await client.send(put).catch(() => undefined);
    const head = await explained(tap.lastHead(), '--http');
    const [store] = head.stores ?? [];
    expect(store).toMatchObject({ store: 'cloud', path: '/prod-cloud-a/k' });
    const headers = Object.fromEntries(store?.headers ?? []);
    expect(headers).toMatchObject({ 'x-amz-server-side-encryption': 'aws:kms', 'x-amz-meta-colour': 'red' });
    expect(headers['x-amz-server-side-encryption-context']).toBe('[redacted]');
    expect(JSON.stringify(head)).not.toContain('a-secret-of-the-store');
  });
});

describe('a pasted head', () => {
  const oss =
    'PUT /kms-a/x HTTP/1.1\nHost: 127.0.0.1\nx-oss-server-side-encryption: KMS\nx-oss-server-side-encryption-key-id: archive\n';

  test('may have lost its signature: its headers say the language, and it is explained with every right', async () => {
    const { out } = await explain(oss);
    expect(out).toContain('PutObject kms-a/x (oss)');
    expect(out).toContain('signature: none in the head');
    expect(out).toContain('deny AccessDenied');
    expect(out).toMatch(/policy\.yaml:\d+ {2}kms-\* {2}won/);
  });

  test('may come from curl -v, with its marks and the answer', async () => {
    const curl = `* Connected to 127.0.0.1\n${oss
      .trim()
      .split('\n')
      .map((line) => `> ${line}`)
      .join('\n')}\n>\n< HTTP/1.1 403 Forbidden\n< x: y\n`;
    expect(await explained(curl)).toMatchObject({ head: { dialect: 'oss' }, outcome: 'deny' });
  });

  test('is taken for a client that is named, by name or id', async () => {
    const head = 'PUT /kms-a/x HTTP/1.1\nHost: h\n';
    const { accessKeyId } = gateway.clients['reader']!;
    expect(await explained(head, '--client', accessKeyId)).toMatchObject({
      outcome: 'deny',
      access: { code: 'AccessDenied' },
    });
    expect((await explain(head, '--client', 'nobody')).code).toBe(64);
  });

  test('that needs its body says so, and may carry it', async () => {
    const body = '<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>';
    const head = `POST /open-a?delete HTTP/1.1\nHost: h\nContent-MD5: ${createHash('md5').update(body).digest('base64')}\nContent-Length: ${body.length}\n`;
    const without = await explain(head);
    expect([without.code, without.err]).toEqual([64, expect.stringContaining('paste the body too')]);
    const all = await explained(`${head}\n${body}`);
    expect(all).toMatchObject({ outcome: 'allow', head: { operation: 'DeleteObjects' }, keys: [{}, {}] });
  });

  test('with two mechanisms is refused before the policy, as live', async () => {
    const both =
      'PUT /open-a/x?OSSAccessKeyId=a&Expires=1&Signature=b HTTP/1.1\nHost: h\nAuthorization: AWS4-HMAC-SHA256 Credential=A/20261121/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=b\n';
    expect(await explained(both)).toMatchObject({ outcome: 'deny', refused: { status: 400, code: 'InvalidArgument' } });
  });

  test.each([
    ['no request line', 'hello\n'],
    ['no Host', 'GET /a/b HTTP/1.1\n'],
    ['no header', 'GET /a/b HTTP/1.1\nHost: h\nwhat is this\n'],
    ['a target that is none', 'GET /a/%zz?x=%zz HTTP/1.1\nHost: h\n'],
  ])('with %s is a wrong command line', async (_name, head) => {
    const { code, err } = await explain(head);
    expect([code, err]).toEqual([64, expect.stringContaining('the pasted head cannot be used')]);
  });
});
