import { describe, expect, test } from 'vitest';
import type { KeyAlias, WireKeyId } from '../../../src/model/encryption.ts';
import type { EncryptionBlock } from '../../../src/policy/document.ts';
import { explain } from '../../../src/policy/explain.ts';
import * as world from './world.ts';

function policyWith(encryption: EncryptionBlock, store: world.StoreName = 'full') {
  return world.compile({ version: 1, keys: world.KEYS, buckets: [{ match: 'b', store, encryption }] });
}

describe('a refusal', () => {
  test('names the rule and what it says', () => {
    const decision = policyWith({ default: { kms: 'orders' }, accept: [] }).decide(
      world.writeInput('full', { wish: world.MANAGED }),
    );
    expect(decision).toMatchObject({
      effect: 'deny',
      code: 'AccessDenied',
      message: 'Access denied by policy rule "b": managed is not among what the rule accepts.',
      rule: { name: 'b', file: 'policy.yaml', line: 10 },
    });
  });

  test.each([
    ['nobody-knows', '0005-00000208'],
    ['', '0005-00000205'],
  ])('of the unknown key %j is in both vendors’ words', (id, ec) => {
    expect(policyWith({ default: 'managed' }).decide(world.writeInput('full', { wish: world.kms(id) }))).toMatchObject({
      effect: 'deny',
      code: 'KMS.NotFoundException',
      message: `Invalid keyId '${id}'`,
      ec,
    });
  });

  test.each([
    ['SM4', world.MANAGED_SM4],
    ['SM4 under KMS', world.kms('default', { algorithm: 'SM4' })],
    ['two layers', world.kms('orders', { layers: 2 })],
  ])('of %s on the embedded store has each vendor’s code', (_, wish) => {
    expect(policyWith({ default: 'managed' }, 'local').decide(world.writeInput('local', { wish }))).toMatchObject({
      effect: 'deny',
      code: 'InvalidArgument',
      codes: { oss: 'InvalidEncryptionAlgorithmError' },
      ec: '0005-00000003',
    });
  });

  test('of an ill-formed wish is the decoder’s own, under `ignore` too', () => {
    for (const clients of ['choose', 'strengthen', 'ignore', 'refuse'] as const)
      expect(
        policyWith({ default: 'managed', clients }).decide(world.writeInput('full', { wish: world.ILL_FORMED })),
      ).toMatchObject({
        effect: 'deny',
        code: 'InvalidArgument',
        message: 'The encryption method specified is not supported',
        details: { ArgumentValue: 'AES128' },
      });
  });

  test('of a bucket without a rule names none', () => {
    expect(policyWith({ default: 'managed' }).decide(world.writeInput('full', { bucket: 'other' }))).toMatchObject({
      effect: 'deny',
      code: 'AccessDenied',
      message: 'Access Denied',
      rule: undefined,
    });
  });

  test('meets every write where the file has no default', () => {
    expect(policyWith({}).decide(world.writeInput('full', { wish: world.MANAGED }))).toMatchObject({ effect: 'deny' });
  });
});

describe('a wish', () => {
  const CONTEXT = { team: 'a' };
  const withContext = world.wishFor({
    kind: 'kms',
    key: 'orders' as WireKeyId,
    algorithm: 'AES256',
    layers: 1,
    context: CONTEXT,
    bucketKey: true,
  });

  test('equal to the default keeps its own context and bucket key', () => {
    for (const clients of ['choose', 'strengthen', 'refuse'] as const)
      expect(
        policyWith({ default: { kms: 'orders' }, clients }).decide(world.writeInput('full', { wish: withContext })),
      ).toMatchObject({ effect: 'allow', encryption: { key: 'orders', context: CONTEXT, bucketKey: true } });
  });

  test('with a context that the store would drop is refused', () => {
    const partial = policyWith({ default: 'store' }, 'partial');
    expect(partial.decide(world.writeInput('partial', { wish: withContext }))).toMatchObject({
      effect: 'deny',
      code: 'InvalidArgument',
    });
  });

  test('of the same kind and key with another algorithm or layers cannot be compared', () => {
    const strengthen = policyWith({ default: { kms: 'orders' }, clients: 'strengthen' });
    for (const more of [{ layers: 2 }, { algorithm: 'SM4' }] as const)
      expect(strengthen.decide(world.writeInput('full', { wish: world.kms('orders', more) }))).toMatchObject({
        effect: 'deny',
        code: 'AccessDenied',
      });
  });

  test('for KMS without a key takes the default key, also where the default names one', () => {
    expect(
      policyWith({ default: { kms: 'orders' } }).decide(world.writeInput('full', { wish: world.kms('default') })),
    ).toMatchObject({ encryption: { kind: 'kms', key: 'default' } });
  });

  test('an accept entry means AES256 and one layer unless it says otherwise', () => {
    const listed = (accept: EncryptionBlock['accept'] & {}) =>
      policyWith({ default: 'managed', accept }).decide(
        world.writeInput('full', { wish: world.kms('orders', { algorithm: 'SM4', layers: 2 }) }),
      ).effect;
    expect(listed([{ kms: 'orders' }])).toBe('deny');
    expect(listed([{ kms: 'orders', algorithm: 'SM4' }])).toBe('deny');
    expect(listed([{ kms: 'orders', algorithm: 'SM4', layers: 2 }])).toBe('allow');
  });
});

describe('the rule of a bucket itself', () => {
  const bucketLevel = { key: '' };

  test('is the client’s to set under `store`; accept does not bind it, the key grant does', () => {
    const delegated = policyWith({ default: 'store', accept: [], clients: 'refuse' });
    expect(
      delegated.decide(world.writeInput('full', { ...bucketLevel, wish: world.kms('orders-at-full') })),
    ).toMatchObject({
      effect: 'allow',
      encryption: { kind: 'kms', key: 'orders' },
    });
    expect(
      delegated.decide(
        world.writeInput('full', {
          ...bucketLevel,
          wish: world.kms('orders'),
          principal: world.principal({ keys: [] }),
        }),
      ),
    ).toMatchObject({ effect: 'deny', code: 'AccessDenied' });
  });

  test('is the policy’s elsewhere: the same value passes, another is 403', () => {
    const owned = policyWith({ default: { kms: 'orders' }, clients: 'choose' });
    expect(owned.decide(world.writeInput('full', { ...bucketLevel, wish: world.kms('orders') })).effect).toBe('allow');
    expect(owned.decide(world.writeInput('full', { ...bucketLevel, wish: world.MANAGED }))).toMatchObject({
      effect: 'deny',
      code: 'AccessDenied',
    });
  });

  test('may be set by a dialect without wishes, and on a store that encrypts by it', () => {
    const byRule = policyWith({ default: 'store' }, 'byrule');
    const input = { ...bucketLevel, wishesIgnored: true, secure: false };
    expect(byRule.decide(world.writeInput('byrule', { ...input, wish: world.kms('default') }))).toMatchObject({
      effect: 'allow',
      encryption: { kind: 'kms', key: 'default' },
    });
    expect(byRule.decide(world.writeInput('byrule', { ...input, wish: world.MANAGED }))).toMatchObject({
      effect: 'deny',
      code: 'InvalidArgument',
    });
  });

  test('needs no key where the bucket is created without one', () => {
    expect(
      policyWith({ default: { kms: 'orders' } }).decide(
        world.writeInput('full', { ...bucketLevel, principal: world.principal({ keys: [] }) }),
      ).effect,
    ).toBe('allow');
  });

  test('under an id that no alias names is used as it stands, by those who hold every key', () => {
    const input = {
      bucketRule: { kind: 'kms', key: 'raw-id' as KeyAlias, algorithm: 'AES256', layers: 1 } as const,
    };
    const delegated = policyWith({ default: 'store' });
    expect(delegated.decide(world.writeInput('full', input))).toMatchObject({
      encryption: { key: 'raw-id' },
      by: 'store',
    });
    expect(
      delegated.decide(world.writeInput('full', { ...input, principal: world.principal({ keys: ['orders'] }) })).effect,
    ).toBe('deny');
  });
});

describe('a client whose dialect has no wishes', () => {
  test('is recorded as overridden where it sent headers, and not where it sent none', () => {
    const policy = policyWith({ default: 'managed', clients: 'refuse' });
    const decide = (wish: Parameters<typeof world.writeInput>[1] & object) =>
      policy.decide(world.writeInput('full', { wishesIgnored: true, ...wish }));
    expect(decide({ wish: { state: 'absent', ignored: 'aws:kms' } })).toMatchObject({
      effect: 'allow',
      overridden: true,
    });
    expect(decide({ wish: world.ILL_FORMED })).toMatchObject({ effect: 'allow', overridden: true });
    expect(decide({ wish: { state: 'absent' } })).toMatchObject({ effect: 'allow', overridden: false });
  });
});

describe('explain', () => {
  const policy = world.compile({
    version: 1,
    keys: world.KEYS,
    buckets: [
      { match: 'a-*', store: 'full', encryption: { default: 'none' } },
      {
        match: 'b*',
        store: 'full',
        encryption: { default: 'managed' },
        prefixes: [
          { prefix: 'x/', encryption: { default: 'none' } },
          { prefix: 'x/y/', encryption: { default: { kms: 'orders' } } },
          { prefix: 'z/', encryption: { default: 'none' } },
        ],
      },
      { match: '*', store: 'full', encryption: { default: 'none' } },
    ],
  });

  test('tells the rules considered, why not, and the winner with its line', () => {
    const told = explain(policy, { write: world.writeInput('full', { key: 'x/y/k' }) });
    expect(told.considered.map(({ rule, outcome, why }) => [rule.name, outcome, why])).toEqual([
      ['a-*', 'not-matched', 'a-* does not match b'],
      ['b*', 'matched', 'the first rule that matches b; a prefix overrides it'],
      ['b* prefix x/y/', 'won', 'the longest prefix of the key'],
      ['b* prefix x/', 'not-reached', 'a longer prefix won'],
      ['b* prefix z/', 'not-matched', 'the key does not begin with z/'],
      ['*', 'not-reached', 'matches, but an earlier rule won'],
    ]);
    expect(told.winner).toEqual({ name: 'b* prefix x/y/', file: 'policy.yaml', line: 111 });
    expect(told.outcome).toBe('allow');
    expect(told.steps.map(({ step }) => step)).toEqual(['wish', 'default', 'join', 'permit', 'feasibility']);
  });

  test('stops at access, as a request does', () => {
    const told = explain(policy, {
      access: {
        principal: world.principal({ grants: [] }),
        action: 'write',
        bucket: 'b',
        key: 'k',
        secure: true,
        tlsVersion: undefined,
      },
      write: world.writeInput('full'),
    });
    expect(told).toMatchObject({
      outcome: 'deny',
      access: { effect: 'deny' },
      decision: undefined,
      winner: { name: 'b*' },
    });
  });

  test('has no winner where nothing matches', () => {
    const none = world.compile({ version: 1, buckets: [] });
    expect(explain(none, { write: world.writeInput('full') })).toMatchObject({
      outcome: 'deny',
      winner: undefined,
      considered: [],
    });
  });
});
