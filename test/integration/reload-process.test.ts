import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startGatewayProcess, type GatewayProcess } from '../external/gateway-process.ts';
import { awsClient } from './s3-clients.ts';

const policyOf = (standard: unknown): object => ({
  version: 1,
  keys: { orders: {} },
  buckets: [{ match: '*', store: 'local', encryption: { default: standard } }],
});

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await startGatewayProcess({ policy: policyOf('managed') });
});
afterAll(() => gateway.close());

test('SIGHUP loads the files; `bucketseal status` says what is in force and what was refused', async () => {
  const s3 = awsClient(gateway as never);
  await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
  gateway.writePolicy(policyOf({ kms: 'orders' }));
  await gateway.reload();
  const put = () => s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'k', Body: 'x' }));
  await vi.waitFor(async () => expect((await put()).SSEKMSKeyId).toBe('orders'), { timeout: 10_000 });
  expect(await status()).toMatch(/in-force/);

  writeFileSync(join(gateway.directory, 'policy.yaml'), 'version: 1\nbuckets: [\n');
  await gateway.reload();
  await vi.waitFor(async () => expect(await status()).toMatch(/rejected/), { timeout: 10_000 });
  const told = await status();
  expect(told).toMatch(/policy\.yaml:\d+:\d+ error yaml-syntax/);
  expect(told).toMatch(/since.*20\d\d-/);
  expect((await put()).SSEKMSKeyId).toBe('orders');

  // A mistake in gateway.yaml itself does not hide the admin port that it names.
  gateway.writeConfig((config) => {
    config['lisenters'] = [];
  });
  expect(await status()).toMatch(/^running$[^]*state: rejected/m);
});

function status(): Promise<string> {
  const main = resolve(import.meta.dirname, '../../src/main.ts');
  return new Promise((done) => {
    const child = spawn(process.execPath, [main, 'status', '--config', join(gateway.directory, 'gateway.yaml')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.on('close', () => done(out));
  });
}
