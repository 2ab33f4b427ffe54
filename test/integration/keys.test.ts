import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');

describe('a key name that the policy does not declare', () => {
  const UNDECLARED = { name: 'BadConfiguration', diagnostics: [{ code: 'alias-undeclared', level: 'ERROR' }] };
  const policy = (standard: string) => ({
    version: 1,
    keys: { orders: {} },
    buckets: [{ match: '*', store: 'local', encryption: { default: { kms: standard }, clients: 'strengthen' } }],
    defaults: { transport: { httpsOnly: true } },
  });

  test('starts no gateway, in a rule or in a client’s grants', async () => {
    await expect(startGateway({ policy: policy('ordres') })).rejects.toMatchObject(UNDECLARED);
    const client = { grants: [{ buckets: ['*'], actions: ['read'] }], keys: ['ordres'] };
    await expect(startGateway({ policy: policy('orders'), clients: { client } })).rejects.toMatchObject(UNDECLARED);
  });

  test('makes no key when a running gateway reads it: what was in force stays', async () => {
    const gateway = await startGateway({ policy: policy('orders') });
    try {
      gateway.writePolicy(policy('ordres'));
      await gateway.runtime.reload();
      const keyring = JSON.parse(readFileSync(join(gateway.directory, 'keyring.json'), 'utf8')) as { keys: object };
      expect(Object.keys(keyring.keys)).toContain('orders');
      expect(Object.keys(keyring.keys)).not.toContain('ordres');
      const s3 = awsClient(gateway, { secure: true });
      await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
      const { SSEKMSKeyId } = await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'k', Body: 'x' }));
      expect(SSEKMSKeyId).toBe('orders');
    } finally {
      await gateway.close();
    }
  });
});

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
