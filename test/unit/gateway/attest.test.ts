import { expect, test } from 'vitest';
import { attest } from '../../../src/gateway/attest.ts';
import { createBucketRuleGuard } from '../../../src/gateway/bucket-rule.ts';
import { createBucket } from '../../../src/gateway/buckets.ts';
import type { Call, Place } from '../../../src/gateway/call.ts';
import type { Encryption, StoreKeyId } from '../../../src/model/encryption.ts';
import { GatewayError } from '../../../src/model/errors.ts';
import type { BucketRule } from '../../../src/model/encryption.ts';

type Asked = { readonly operation: string };

function callAt(execute: (request: Asked) => Promise<unknown>) {
  const heard: string[] = [];
  const backend = {
    name: 's',
    dialect: 's3',
    capabilities: { seals: false },
    execute: (request: Asked) => {
      heard.push(request.operation);
      return execute(request);
    },
  };
  const policy = {
    access: () => ({ effect: 'allow' }),
    route: () => ({ store: 's', storeBucket: 'b', rule: { name: 'all' } }),
    ownedDefault: () => undefined,
    aliases: [],
    aliasOf: () => undefined,
    bucketRuleMode: () => 'verify',
  };
  const call = {
    snapshot: { policy, directory: { get: () => backend }, bucketRuleInterval: 60_000 },
    services: { now: () => 0, signals: { outcome: () => undefined }, bucketRules: { forget: () => undefined } },
    context: { requestId: 'r' },
    dialect: { name: 's3', traits: {} },
    wire: { connection: { secure: true } },
    client: { principal: { keys: [] } },
  } as unknown as Call;
  return { call, heard, place: { bucket: 'b', storeBucket: 'b', backend } as unknown as Place };
}

const written = {
  operation: 'CompleteMultipartUpload',
  key: 'k',
  etag: 'e-1',
  observed: undefined,
} as const;

test.each(['NoSuchKey', 'AccessDenied', 'ServiceUnavailable'] as const)(
  'a store that cannot be asked (%s) after it took a write makes an error that says what may have happened',
  async (code) => {
    const { call, place } = callAt(() => Promise.reject(new GatewayError(code, 'no')));
    const proof = attest(call, place, { ...written, expected: { kind: 'managed', algorithm: 'AES256' } });
    await expect(proof).rejects.toMatchObject({
      code: 'ServiceUnavailable',
      message: expect.stringMatching(/may have been overwritten/),
    });
  },
);

test('an SSE-C upload completes without its key, as at AWS: the store that hides the object confirms it', async () => {
  const { call, place } = callAt(() => Promise.reject(new GatewayError('InvalidRequest', 'The correct parameters')));
  expect(await attest(call, place, { ...written, expected: { kind: 'customer', md5: 'm' } })).toBeUndefined();
});

test('an object that is shown without its key is not under it', async () => {
  const { call, place } = callAt(() => Promise.resolve({ etag: 'e-1', encryption: { kind: 'none' } }));
  const distrusted: unknown[] = [];
  const snapshot = { ...call.snapshot, distrust: { add: (tuple: unknown) => distrusted.push(tuple) } };
  const signals = { ...call.services.signals, notHonoured: () => undefined };
  const asked = { ...call, snapshot, services: { ...call.services, signals } } as unknown as Call;
  const proof = attest(asked, place, { ...written, expected: { kind: 'customer', md5: 'm' } });
  await expect(proof).rejects.toMatchObject({ code: 'EncryptionNotHonoured' });
  expect(distrusted).toHaveLength(1);
});

test('a bucket is not created when the rule that is asked for with it is refused', async () => {
  const { call, heard } = callAt(() => Promise.resolve({}));
  const created = createBucket(call, {
    operation: 'CreateBucket',
    bucket: 'b',
    wish: {
      state: 'wellFormed',
      encryption: { kind: 'kms', key: 'nobody-knows' as never, algorithm: 'AES256', layers: 1 },
      raw: 'KMS',
    },
  });
  await expect(created).rejects.toMatchObject({ code: 'KMS.NotFoundException' });
  expect(heard).toEqual([]);
});

test('a bucket rule that is changed while it is checked does not count as checked', async () => {
  const managed: Encryption<StoreKeyId> & BucketRule = { kind: 'managed', algorithm: 'AES256' };
  const guard = createBucketRuleGuard(() => 0);
  let rule: BucketRule | undefined = managed;
  const { call, place } = callAt(async () => {
    const seen = rule;
    if (rule !== undefined) {
      rule = undefined;
      guard.forget();
    }
    return await Promise.resolve({ rule: seen });
  });
  await guard.ensure(call, place, managed);
  await expect(guard.ensure(call, place, managed)).rejects.toMatchObject({ code: 'ServiceUnavailable' });
});
