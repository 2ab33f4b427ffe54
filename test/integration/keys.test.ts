import { execFileSync, spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');

describe('bucketseal keys beside a running gateway', () => {
  let gateway: TestGateway;
  const keys = (...argv: readonly string[]): string =>
    execFileSync(process.execPath, [MAIN, 'keys', ...argv, '--config', gateway.configFile], { encoding: 'utf8' });
  beforeAll(async () => {
    gateway = await startGateway({
      policy: {
        version: 1,
        keys: { orders: {} },
        buckets: [
          { match: 'kms-bucket', store: 'local', encryption: { default: { kms: 'orders' } } },
          { match: 'own-bucket', store: 'local', encryption: { default: 'managed' } },
        ],
      },
    });
    const s3 = awsClient(gateway);
    for (const Bucket of ['kms-bucket', 'own-bucket']) await s3.send(new CreateBucketCommand({ Bucket }));
  });
  afterAll(() => gateway.close());

  test('a rotated key seals what is new and still opens what is old', async () => {
    const s3 = awsClient(gateway);
    await s3.send(new PutObjectCommand({ Bucket: 'own-bucket', Key: 'old', Body: 'sealed before' }));
    expect(keys('rotate', 'managed')).toBe('key=managed current=2\n');
    await s3.send(new PutObjectCommand({ Bucket: 'own-bucket', Key: 'new', Body: 'sealed after' }));
    for (const [Key, text] of [
      ['old', 'sealed before'],
      ['new', 'sealed after'],
    ] as const)
      expect(await (await s3.send(new GetObjectCommand({ Bucket: 'own-bucket', Key }))).Body?.transformToString()).toBe(
        text,
      );
    expect(keys('list')).toMatch(/^key=managed versions=2 current=2 .*state=enabled$/m);
  });

  test('a disabled key neither seals nor opens, at once, until it is enabled', async () => {
    const s3 = awsClient(gateway);
    await s3.send(new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'a', Body: 'x' }));
    keys('disable', 'orders');
    const disabled = { name: 'KMS.DisabledException' };
    await expect(s3.send(new GetObjectCommand({ Bucket: 'kms-bucket', Key: 'a' }))).rejects.toMatchObject(disabled);
    await expect(s3.send(new PutObjectCommand({ Bucket: 'kms-bucket', Key: 'b', Body: 'x' }))).rejects.toMatchObject(
      disabled,
    );
    keys('enable', 'orders');
    expect(
      await (await s3.send(new GetObjectCommand({ Bucket: 'kms-bucket', Key: 'a' }))).Body?.transformToString(),
    ).toBe('x');
  });

  test('an unknown key and a missing name are clear errors', () => {
    const failed = (...argv: readonly string[]): readonly [number | null, string] => {
      const { status, stderr } = spawnSync(process.execPath, [MAIN, 'keys', ...argv, '--config', gateway.configFile], {
        encoding: 'utf8',
      });
      return [status, stderr];
    };
    expect(failed('rotate', 'nobody')).toEqual([5, expect.stringContaining('nobody')]);
    expect(failed('rotate')).toEqual([64, expect.stringContaining('needs the name of a key')]);
  });
});
