import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startRuntime } from '../../src/assemble/runtime.ts';
import { writeGateway } from './gateway.ts';

describe('a policy that a JD bucket cannot satisfy is refused at load', () => {
  test.each<[string, string, object]>([
    ['a named key', 'kms', { default: { kms: 'orders' } }],
    ['AES256', 'default', { default: 'managed' }],
    ['SM4', 'kms', { default: { kms: 'default', algorithm: 'SM4' } }],
    ['two layers', 'kms', { default: { kms: 'default', layers: 2 } }],
    ['sealing by the gateway', 'by', { default: { kms: 'default' }, by: 'gateway' }],
  ])('%s', async (_name, field, encryption) => {
    const { configFile, directory } = await writeGateway({
      policy: { version: 1, keys: { orders: { jd: 'id' } }, buckets: [{ match: '*', store: 'jd', encryption }] },
      stores: {
        jd: {
          type: 'jdcloud-oss',
          endpoint: 'https://127.0.0.1:9',
          region: 'cn-north-1',
          credentials: { accessKeyId: 'id', secretAccessKey: randomBytes(30).toString('base64url') },
        },
      },
    });
    const lines = readFileSync(join(directory, 'policy.yaml'), 'utf8').split('\n');
    const line = 1 + lines.findIndex((text) => text.trimStart().startsWith(`${field}:`));
    const failure = await startRuntime(configFile, Date.now).then(
      () => undefined,
      (error: unknown) => error,
    );
    rmSync(directory, { recursive: true });
    expect(failure).toMatchObject({
      name: 'BadConfiguration',
      diagnostics: expect.arrayContaining([
        expect.objectContaining({
          level: 'ERROR',
          file: expect.stringContaining('policy.yaml'),
          line,
        }),
      ]),
    });
  });
});
