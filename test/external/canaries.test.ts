import { createHash, randomBytes } from 'node:crypto';
import { Agent } from 'node:https';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { haystack } from '../integration/gateway.ts';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { startMinio, type Server } from './servers.ts';
import { storeEntry, throughGateway } from './store-clients.ts';

const MIB = 1024 * 1024;

/** One gateway, as a process, through everything that could make it talk: successes, refusals, broken requests, a store that is gone. */
describe('secrets and content', () => {
  let minio: Server;
  let gateway: GatewayProcess;
  const content = canary();
  const sseKey = randomBytes(32);
  const sessionToken = canary();
  const told: Record<string, string> = {};
  beforeAll(async () => {
    minio = await startMinio({ kms: true });
    gateway = await startGatewayProcess({
      policy: {
        version: 1,
        keys: { orders: { minio: 'my-key' } },
        buckets: [
          {
            match: 'kms-*',
            store: 'local',
            encryption: { default: { kms: 'orders' }, accept: [{ kms: 'orders' }, 'customer'] },
          },
          { match: 'minio-*', store: 'minio', encryption: { default: { kms: 'orders' } } },
          { match: 'gone-*', store: 'gone', encryption: { default: 'none' } },
        ],
      },
      stores: { minio: storeEntry(minio), gone: { ...storeEntry(minio), endpoint: 'http://127.0.0.1:9' } },
    });
  });
  afterAll(async () => {
    await gateway?.close();
    await minio?.close();
  });

  test('traffic of every kind', async () => {
    const s3 = throughGateway(gateway);
    const secure = new S3Client({
      endpoint: gateway.https,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: gateway.main,
      maxAttempts: 1,
      requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ ca: gateway.certificate }) }),
    });
    const failing = (client: S3Client, command: PutObjectCommand | GetObjectCommand): Promise<unknown> =>
      client.send(command).then(
        () => Promise.reject(new Error('not refused')),
        (error: unknown) => error,
      );
    for (const Bucket of ['kms-bucket', 'minio-bucket']) {
      await s3.send(new CreateBucketCommand({ Bucket }));
      await s3.send(new PutObjectCommand({ Bucket, Key: 'put', Body: content, Metadata: { note: 'x' } }));
      await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/put` }));
      const at = { Bucket, Key: 'parts' };
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand(at));
      const bodies = [Buffer.concat([randomBytes(5 * MIB), Buffer.from(content)]), Buffer.from(content)];
      const parts = await Promise.all(
        bodies.map(async (Body, index) => ({
          PartNumber: index + 1,
          ETag: (await s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber: index + 1, Body }))).ETag,
        })),
      );
      await s3.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: parts } }));
      const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'put' }), { expiresIn: 60 });
      expect(await (await fetch(url)).text()).toBe(content);
      told[`presigned signature (${Bucket})`] = new URL(url).searchParams.get('X-Amz-Signature') as string;
      // Refused ones are logged, too: expired, tampered, and with a method that it was not signed for.
      expect((await fetch(url, { method: 'DELETE' })).status).toBe(403);
      expect((await fetch(`${url}&more=1`)).status).toBe(403);
    }
    const customer = {
      SSECustomerAlgorithm: 'AES256',
      SSECustomerKey: sseKey.toString('base64'),
      SSECustomerKeyMD5: createHash('md5').update(sseKey).digest('base64'),
    };
    await secure.send(new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'customer', Body: content, ...customer }));
    await secure.send(new GetObjectCommand({ Bucket: 'kms-bucket', Key: 'customer', ...customer }));
    // In clear over HTTP, with another key, and where the policy does not take it.
    await failing(s3, new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'customer', Body: content, ...customer }));
    const another = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: randomBytes(32).toString('base64') };
    await failing(secure, new GetObjectCommand({ Bucket: 'kms-bucket', Key: 'customer', ...another }));
    await failing(
      secure,
      new PutObjectCommand({ Bucket: 'minio-bucket', Key: 'customer', Body: content, ...customer }),
    );
    const session = new S3Client({
      endpoint: gateway.http,
      region: 'us-east-1',
      forcePathStyle: true,
      maxAttempts: 1,
      credentials: { ...gateway.main, sessionToken },
    });
    await failing(session, new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'session', Body: content }));
    const presigned = await getSignedUrl(session, new GetObjectCommand({ Bucket: 'kms-bucket', Key: 'put' }));
    expect((await fetch(presigned)).status).toBeGreaterThanOrEqual(400);
    told['presigned signature (session)'] = new URL(presigned).searchParams.get('X-Amz-Signature') as string;
    const wrong = new S3Client({
      endpoint: gateway.http,
      region: 'us-east-1',
      forcePathStyle: true,
      maxAttempts: 1,
      credentials: { ...gateway.main, secretAccessKey: 'not the secret' },
    });
    await failing(wrong, new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'wrong', Body: content }));
    await failing(s3, new PutObjectCommand({ Bucket: 'gone-bucket', Key: 'k', Body: content }));
    // A body that is not what its digest says fails after it has been read.
    await failing(
      s3,
      new PutObjectCommand({
        Bucket: 'kms-bucket',
        Key: 'digest',
        Body: content,
        ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==',
      }),
    );
    await gateway.reload();
    for (const client of [s3, secure, session, wrong]) client.destroy();
  });

  test('none of it is in the gateway’s output or metrics', async () => {
    const spoken = gateway.output() + (await gateway.metrics());
    // The log is the right one, and it has spoken of all that.
    for (const word of [
      'kms-bucket',
      'SignatureDoesNotMatch',
      'configuration reloaded',
      'BadDigest',
      '"kind":"decision"',
    ])
      expect(spoken).toContain(word);
    const secrets: Record<string, string> = {
      ...told,
      content,
      'session token': sessionToken,
      'client secret': gateway.main.secretAccessKey,
      'store secret': minio.secretAccessKey,
      'SSE-C key in base64': sseKey.toString('base64'),
      'SSE-C key in hex': sseKey.toString('hex'),
    };
    for (const [name, secret] of Object.entries(secrets)) expect(spoken.includes(secret), name).toBe(false);
  });

  test('none of it lies in the gateway’s files or in the store’s', () => {
    const places = { 'the gateway’s objects': gateway.bytesAtRest(), 'MinIO’s directory': haystack(minio.directory) };
    for (const [place, bytes] of Object.entries(places)) {
      expect(bytes.length, place).toBeGreaterThan(5 * MIB);
      for (const [name, secret] of Object.entries({
        content,
        'SSE-C key': sseKey,
        'SSE-C key in base64': sseKey.toString('base64'),
        'session token': sessionToken,
        'client secret': gateway.main.secretAccessKey,
      }))
        expect(bytes.includes(secret), `${name} in ${place}`).toBe(false);
    }
  });
});

function canary(): string {
  return `canary-${randomBytes(24).toString('hex')}`;
}
