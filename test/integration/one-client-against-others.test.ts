import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';

const POLICY = { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' } }] };
const RIGHTS = { grants: [{ buckets: ['*'], actions: ['read', 'write'] }], keys: [] };
const HELD = 255;

let gateway: TestGateway;
const sockets: Socket[] = [];
// 256 places of 128 KiB.
beforeEach(async () => {
  gateway = await startGateway({
    policy: POLICY,
    clients: { heavy: RIGHTS, other: RIGHTS },
    config: { limits: { inFlight: '32MiB' } },
  });
  const main = awsClient(gateway);
  await main.send(new CreateBucketCommand({ Bucket: 'photos' }));
  await main.send(new PutObjectCommand({ Bucket: 'photos', Key: 'there', Body: 'bytes' }));
  main.destroy();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await gateway.close();
});

/** A PUT of one byte that does not come. */
async function hold(change: (path: string) => string = (path) => path): Promise<void> {
  const signer = awsClient(gateway, { client: gateway.clients['heavy']!, requestChecksumCalculation: 'WHEN_REQUIRED' });
  const { pathname, search } = new URL(
    await getSignedUrl(signer, new PutObjectCommand({ Bucket: 'photos', Key: 'held' }), { expiresIn: 300 }),
  );
  signer.destroy();
  const path = change(`${pathname}${search}`);
  await Promise.all(
    Array.from({ length: HELD }, async () => {
      const socket = connect(gateway.port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(`PUT ${path} HTTP/1.1\r\nhost: 127.0.0.1:${gateway.port}\r\ncontent-length: 1\r\n\r\n`);
    }),
  );
}

async function othersPass(): Promise<void> {
  const other = awsClient(gateway, { client: gateway.clients['other']! });
  const put = await other.send(new PutObjectCommand({ Bucket: 'photos', Key: 'new', Body: 'more' }));
  expect(put.$metadata.httpStatusCode).toBe(200);
  const got = await other.send(new GetObjectCommand({ Bucket: 'photos', Key: 'there' }));
  expect(await got.Body?.transformToString()).toBe('bytes');
  other.destroy();
}

describe('255 PUTs of one byte that are held open', () => {
  test('take one client’s share, and another client’s PUT and GET pass', async () => {
    await hold();
    await expect.poll(() => gateway.runtime.listening.inFlight().requests, { timeout: 20_000 }).toBeGreaterThan(180);
    await othersPass();
    expect(gateway.runtime.listening.inFlight().requests).toBeLessThanOrEqual(192);
  });

  test('with wrong signatures take no place at all, neither before their answer nor while they linger', async () => {
    await hold((path) => path.replace(/Signature=[0-9a-f]{8}/, 'Signature=00000000'));
    await othersPass();
    expect(gateway.runtime.listening.inFlight().requests).toBe(0);
  });

  test('of two heavy clients leave places to read', async () => {
    await hold();
    await expect.poll(() => gateway.runtime.listening.inFlight().requests, { timeout: 20_000 }).toBeGreaterThan(180);
    const signer = awsClient(gateway);
    const url = new URL(
      await getSignedUrl(signer, new PutObjectCommand({ Bucket: 'photos', Key: 'held' }), { expiresIn: 300 }),
    );
    for (let i = 0; i < 100; i++) {
      const socket = connect(gateway.port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.write(
        `PUT ${url.pathname}${url.search} HTTP/1.1\r\nhost: 127.0.0.1:${gateway.port}\r\ncontent-length: 1\r\n\r\n`,
      );
    }
    await expect.poll(() => gateway.runtime.listening.inFlight().requests, { timeout: 20_000 }).toBeGreaterThan(220);
    const got = await signer.send(new GetObjectCommand({ Bucket: 'photos', Key: 'there' }));
    expect(await got.Body?.transformToString()).toBe('bytes');
    signer.destroy();
  });
});

test('limits.client and limits.minimumRate are understood, and bad ones are refused with their place', async () => {
  expect(gateway.runtime.config.limits).toMatchObject({
    client: { requests: undefined, bytes: undefined },
    minimumRate: 1024,
  });
  const own = await startGateway({
    policy: POLICY,
    config: { limits: { client: { requests: 7, bytes: '2MiB' }, minimumRate: 2048 } },
  });
  expect(own.runtime.config.limits).toMatchObject({
    client: { requests: 7, bytes: 2_097_152 },
    minimumRate: 2048,
  });
  await own.close();
  for (const limits of [{ client: { bytes: 0 } }, { client: { requests: 0 } }, { minimumRate: 'fast' }])
    await expect(startGateway({ policy: POLICY, config: { limits } })).rejects.toThrow();
});
