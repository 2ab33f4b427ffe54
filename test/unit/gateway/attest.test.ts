import { describe, expect, test } from 'vitest';
import { attest } from '../../../src/gateway/answer/attest.ts';
import { ensureBucketRule } from '../../../src/gateway/decide/bucket-rule.ts';
import { createCheckedRules } from '../../../src/gateway/memory/checked-rules.ts';
import { createBucket } from '../../../src/gateway/buckets/buckets.ts';
import type { Call, Place } from '../../../src/gateway/call/call.ts';
import type { Encryption, StoreKeyId } from '../../../src/model/encryption.ts';
import { GatewayError } from '../../../src/model/errors.ts';
import type { BucketRule } from '../../../src/model/encryption.ts';

type Asked = { readonly operation: string };

function callAt(execute: (request: Asked) => Promise<unknown>) {
  const heard: string[] = [];
  const backend = {
    name: 's',
    dialect: 's3',
    capabilities: { seals: false, perObject: true },
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
    services: {
      now: () => 0,
      signals: { outcome: () => undefined, unproven: () => undefined },
      checkedRules: { forget: () => undefined },
    },
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

describe('what a store that was silent shows when it is asked', () => {
  const managed = { kind: 'managed', algorithm: 'AES256' } as const;
  const none = { kind: 'none' } as const;
  const asked = async (
    shown: object,
    of: Partial<Parameters<typeof attest>[2]> = {},
  ): Promise<{ readonly answer: unknown; readonly distrusted: number }> => {
    const { call, place } = callAt(() => Promise.resolve(shown));
    const distrusted: unknown[] = [];
    const snapshot = { ...call.snapshot, distrust: { add: (tuple: unknown) => distrusted.push(tuple) } };
    const signals = { ...call.services.signals, notHonoured: () => undefined };
    const watched = { ...call, snapshot, services: { ...call.services, signals } } as unknown as Call;
    const answer: unknown = await attest(watched, place, { ...written, expected: managed, ...of }).catch(
      (error: unknown) => error,
    );
    return { answer, distrusted: distrusted.length };
  };

  test.each([
    ['the same bytes, as decided', { etag: 'E-1', encryption: managed }, {}],
    ['this version, as decided', { etag: 'other', versionId: 'v1', encryption: managed }, { versionId: 'v1' }],
  ])('%s: believed', async (_name, shown, of) => {
    expect(await asked(shown, of)).toEqual({ answer: managed, distrusted: 0 });
  });

  test('this version otherwise: the store has lied, and is remembered', async () => {
    const seen = await asked({ etag: 'e-1', versionId: 'v1', encryption: none }, { versionId: 'v1' });
    expect(seen).toMatchObject({ answer: { code: 'EncryptionNotHonoured' }, distrusted: 1 });
  });

  test.each([
    ['the same bytes otherwise', { etag: 'e-1', encryption: none }, {}],
    ['the version null otherwise', { etag: 'e-1', versionId: 'null', encryption: none }, { versionId: 'null' }],
    [
      'an object without the customer’s key',
      { etag: 'e-1', encryption: none },
      { expected: { kind: 'customer', md5: 'm' } as const },
    ],
    ['another object', { etag: 'e-2', encryption: managed }, {}],
    ['another object otherwise', { etag: 'e-2', encryption: none }, {}],
    ['another version', { etag: 'e-2', versionId: 'v2', encryption: none }, { versionId: 'v1' }],
  ])('%s: unproven, and nothing is remembered', async (_name, shown, of) => {
    expect(await asked(shown, of)).toMatchObject({
      answer: { code: 'ServiceUnavailable', message: expect.stringMatching(/unproven.*may have been overwritten/) },
      distrusted: 0,
    });
  });

  test('another encryption of a write that somebody else began is no lie', async () => {
    expect(await asked({}, { observed: none, begunElsewhere: true })).toMatchObject({
      answer: { code: 'ServiceUnavailable' },
      distrusted: 0,
    });
    expect(await asked({}, { observed: none })).toMatchObject({
      answer: { code: 'EncryptionNotHonoured' },
      distrusted: 1,
    });
  });
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
  const checkedRules = createCheckedRules(() => 0);
  let rule: BucketRule | undefined = managed;
  const { call: bare, place } = callAt(async () => {
    const seen = rule;
    if (rule !== undefined) {
      rule = undefined;
      checkedRules.forget();
    }
    return await Promise.resolve({ rule: seen });
  });
  const call = { ...bare, services: { ...bare.services, checkedRules } };
  await ensureBucketRule(call, place, managed);
  await expect(ensureBucketRule(call, place, managed)).rejects.toMatchObject({ code: 'ServiceUnavailable' });
});
