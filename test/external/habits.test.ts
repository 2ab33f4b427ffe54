import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, succeed } from './command.ts';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { tool } from './servers.ts';
import { throughGateway } from './store-clients.ts';

const TRIES = 30;

let gateway: GatewayProcess;
let folder: string;
let get: string;
let put: string;
beforeAll(async () => {
  gateway = await startGatewayProcess({
    policy: { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' } }] },
    clients: { reader: { grants: [{ buckets: ['photos'], actions: ['read', 'list'] }], keys: [] } },
  });
  folder = mkdtempSync(join(tmpdir(), 'habits-'));
  const s3 = throughGateway(gateway);
  await s3.send(new CreateBucketCommand({ Bucket: 'photos' }));
  await s3.send(new PutObjectCommand({ Bucket: 'photos', Key: 'k', Body: 'bytes' }));
  get = await getSignedUrl(s3, new GetObjectCommand({ Bucket: 'photos', Key: 'k' }));
  put = await getSignedUrl(s3, new PutObjectCommand({ Bucket: 'photos', Key: 'java' }));
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a client that offers HTTP/2', () => {
  test('curl --http2 is answered by HTTP/1.1, over plain HTTP and over TLS', async () => {
    const plain = await succeed('curl', ['-s', '--http2', '-w', ' %{http_code} %{http_version}', get, get]);
    expect(plain).toBe('bytes 200 1.1bytes 200 1.1');
    const secure = `${gateway.https}/?x`;
    expect(
      await succeed('curl', ['-sk', '--http2', '-o', '/dev/null', '-w', '%{http_code} %{http_version}', secure]),
    ).toMatch(/^4\d\d 1\.1$/);
  });

  test('the JDK’s HttpClient reads and writes', async () => {
    const out = await succeed('java', [resolve(import.meta.dirname, 'java/Offer.java'), get, put]);
    expect(out).toBe('200 HTTP_1_1 bytes\n200 HTTP_1_1 bytes\n200 HTTP_1_1\n');
  });
});

describe('a refused PUT of 20 MB without Expect', () => {
  test('minio-go reads the answer, thirty of thirty times', async () => {
    const program = join(folder, 'refused');
    const { GOFLAGS = '', GOPROXY = '', SSL_CERT_FILE = '' } = process.env;
    const told = Object.entries({ GOFLAGS, GOPROXY, SSL_CERT_FILE }).filter(([, value]) => value !== '');
    await succeed('go', ['build', '-o', program, './refused'], {
      cwd: resolve(import.meta.dirname, 'go'),
      env: Object.fromEntries(told),
    });
    const { accessKeyId, secretAccessKey } = gateway.clients['reader']!;
    const out = await succeed(program, [`127.0.0.1:${gateway.port}`, accessKeyId, secretAccessKey]);
    expect(out).toBe(`map[AccessDenied:${TRIES}]\n`);
  });

  test('rclone reads the answer, thirty of thirty times', async () => {
    const file = join(folder, 'large');
    writeFileSync(file, Buffer.alloc(20 * 1024 * 1024, 'x'));
    const { accessKeyId, secretAccessKey } = gateway.clients['reader']!;
    let readable = 0;
    for (let i = 0; i < TRIES; i++) {
      const { stderr } = await run(
        tool('rclone'),
        ['copyto', file, 'gw:photos/large', '--s3-no-head', '--retries', '1', '--low-level-retries', '1'],
        {
          env: {
            RCLONE_CONFIG: join(folder, 'none.conf'),
            RCLONE_CONFIG_GW_TYPE: 's3',
            RCLONE_CONFIG_GW_PROVIDER: 'Other',
            RCLONE_CONFIG_GW_ENDPOINT: gateway.http,
            RCLONE_CONFIG_GW_ACCESS_KEY_ID: accessKeyId,
            RCLONE_CONFIG_GW_SECRET_ACCESS_KEY: secretAccessKey,
            RCLONE_CONFIG_GW_REGION: 'us-east-1',
            RCLONE_CONFIG_GW_NO_CHECK_BUCKET: 'true',
          },
        },
      );
      if (/AccessDenied/.test(stderr)) readable++;
    }
    expect(readable).toBe(TRIES);
  });
});
