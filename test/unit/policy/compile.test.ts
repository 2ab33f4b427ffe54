import { describe, expect, test } from 'vitest';
import type { KeyAlias } from '../../../src/model/encryption.ts';
import type { BucketRuleDocument, PolicyDocument } from '../../../src/policy/document.ts';
import { compile, KEYS } from './world.ts';

function withRules(buckets: readonly BucketRuleDocument[], more: Partial<PolicyDocument> = {}) {
  return compile({ version: 1, keys: KEYS, buckets, ...more });
}

describe('routes', () => {
  const policy = withRules([
    { match: 'orders-eu', store: 'local', name: 'eu' },
    { match: 'orders-*', store: 'full', name: 'acme-{bucket}-x' },
    { match: 'shared-*', store: 'full', name: 'shared' },
    { match: '*', store: 'full' },
  ]);

  test('the first match in file order decides', () => {
    expect(policy.route('orders-eu')).toEqual({
      store: 'local',
      storeBucket: 'eu',
      rule: { name: 'orders-eu', file: 'policy.yaml', line: 10 },
    });
    expect(policy.route('orders-us')).toMatchObject({ store: 'full', storeBucket: 'acme-orders-us-x' });
    expect(policy.route('other')).toMatchObject({ store: 'full', storeBucket: 'other' });
    expect(withRules([{ match: 'a', store: 'full' }]).route('b')).toBeUndefined();
  });

  test("a store's bucket leads back to the client's name, and to that rule only", () => {
    expect(policy.bucketAt('local', 'eu')).toBe('orders-eu');
    expect(policy.bucketAt('full', 'acme-orders-us-x')).toBe('orders-us');
    expect(policy.bucketAt('full', 'other')).toBe('other');
    // `orders-eu` lies elsewhere, so that this bucket of the store is none of ours.
    expect(policy.bucketAt('full', 'acme-orders-eu-x')).toBe('acme-orders-eu-x');
    expect(policy.bucketAt('full', 'orders-us')).toBeUndefined();
    expect(
      withRules([{ match: 'shared-*', store: 'full', name: 'shared' }]).bucketAt('full', 'shared'),
    ).toBeUndefined();
    expect(policy.bucketAt('nowhere', 'eu')).toBeUndefined();
  });
});

describe('merging', () => {
  test('goes field by field: longest prefix over bucket over defaults', () => {
    const policy = withRules(
      [
        {
          match: 'b',
          store: 'byrule',
          encryption: { bucketRule: 'set' },
          prefixes: [
            { prefix: 'a', encryption: { default: 'managed' } },
            { prefix: 'a/store/', encryption: { default: 'store' } },
            { prefix: 'a/s', encryption: { default: 'none' } },
          ],
        },
      ],
      { defaults: { encryption: { default: { kms: 'orders', algorithm: 'SM4', layers: 2 } } } },
    );
    const ruleFor = (key: string) => policy.set.rules[0]?.prefixes.find(({ prefix }) => key.startsWith(prefix))?.prefix;
    expect(policy.set.rules[0]?.effective).toMatchObject({
      default: { kind: 'kms', key: 'orders', algorithm: 'SM4', layers: 2 },
      clients: 'choose',
      by: 'either',
      bucketRule: 'set',
      accept: undefined,
      transport: { httpsOnly: false },
      mode: { kind: 'enforce' },
    });
    expect(ruleFor('a/store/k')).toBe('a/store/');
    expect(policy.delegates('b', 'a/store/k')).toBe(true);
    expect(policy.delegates('b', 'a/sto')).toBe(false);
    expect(policy.delegates('none', 'k')).toBe(false);
    expect(policy.bucketRuleMode('b')).toBe('set');
    expect(policy.bucketRuleMode('none')).toBe('verify');
    expect(policy.ownedDefault('b')).toMatchObject({ encryption: { kind: 'kms', key: 'orders' }, rule: { name: 'b' } });
    expect(policy.ownedDefault('none')).toBeUndefined();
  });

  test('lists replace', () => {
    const policy = withRules([{ match: 'b', store: 'full', encryption: { accept: [] } }], {
      defaults: { encryption: { default: 'managed', accept: ['customer'] } },
    });
    expect(policy.set.rules[0]?.effective.accept).toEqual([]);
  });

  test('`store` as the default is not owned by the policy', () => {
    expect(
      withRules([{ match: 'b', store: 'full', encryption: { default: 'store' } }]).ownedDefault('b'),
    ).toBeUndefined();
  });

  test('calls that make the store call out are none unless listed', () => {
    const policy = withRules([{ match: 'b', store: 'full', allow: ['process'] }]);
    expect([policy.allows('b', 'process'), policy.allows('b', 'fetch'), policy.allows('x', 'process')]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('audit mode', () => {
  const END = Date.parse('2026-12-31T00:00:00Z');
  const audited = (mode: Pick<BucketRuleDocument, 'mode' | 'until'>) =>
    withRules([{ match: 'b', store: 'full', encryption: { default: 'managed' }, ...mode }]);

  test.each<[string, Pick<BucketRuleDocument, 'mode' | 'until'>]>([
    ['beside', { mode: 'audit', until: '2026-12-31' }],
    ['inside', { mode: { audit: { until: '2026-12-31' } } }],
    ['with an offset', { mode: 'audit', until: '2026-12-31T08:00:00+08:00' }],
  ])('delegates until its end, which stands %s', (_, mode) => {
    const policy = audited(mode);
    expect([policy.delegates('b', 'k', END - 1), policy.delegates('b', 'k', END)]).toEqual([true, false]);
    expect(policy.ownedDefault('b', END - 1)).toBeUndefined();
    expect(policy.ownedDefault('b', END)).toBeDefined();
    expect(policy.delegates('b', 'k')).toBe(true);
  });

  test('without an end it lasts, and an end that cannot be read has come', () => {
    expect(audited({ mode: 'audit' }).delegates('b', 'k', Number.MAX_SAFE_INTEGER)).toBe(true);
    for (const until of ['soon', '2026-12-31T00:00:00', '2026-13-45'])
      expect(audited({ mode: 'audit', until }).delegates('b', 'k', 0)).toBe(false);
  });
});

describe('keys', () => {
  const policy = withRules(
    [{ match: 'b', store: 'full', encryption: { default: { kms: 'named' }, accept: [{ kms: 'default' }] } }],
    { keys: { ...KEYS, ring: { keyring: 'other-name' }, constructor: { full: 'odd' } } },
  );
  const alias = (name: string) => name as KeyAlias;

  test('every alias that `keys:` declares is known; default is none, and what only a rule names is none', () => {
    expect(policy.aliases).toEqual(['orders', 'other', 'copies', 'ring', 'constructor']);
    expect(policy.stores).toEqual(['full']);
  });

  test('lead to each store’s own id and back', () => {
    expect(policy.keyAt(alias('orders'), 'full')).toBe('orders-at-full');
    expect(policy.keyAt(alias('orders'), 'local')).toBe('orders');
    expect(policy.keyAt(alias('ring'), 'keyring')).toBe('other-name');
    expect(policy.keyAt(alias('orders'), 'keyring')).toBe('orders');
    expect(policy.keyAt('default', 'full')).toBe('default');
    expect(policy.keyAt(alias('constructor'), 'full')).toBe('odd');
    expect(policy.keyAt(alias('an-id-of-a-bucket-rule'), 'full')).toBe('an-id-of-a-bucket-rule');
    expect(policy.aliasOf('orders-at-full', 'full')).toBe('orders');
    expect(policy.aliasOf('orders-at-full', 'partial')).toBeUndefined();
    expect(policy.aliasOf('orders', 'local')).toBe('orders');
    expect(policy.aliasOf('toString', 'full')).toBeUndefined();
  });
});

describe('replication rules', () => {
  test('show what the policy says', () => {
    const policy = withRules([
      { match: 'none', store: 'full' },
      { match: 'target', store: 'full', replicas: 'target-default' },
      {
        match: 'keep',
        store: 'full',
        replicas: { rule: 'keep-source', kmsObjects: 'replicate', replicaKey: 'copies' },
      },
      { match: 'source', store: 'full', replicate: [{ bucket: 'target' }] },
    ]);
    expect(policy.replicas('none')).toBeUndefined();
    expect(policy.replicas('absent')).toBeUndefined();
    expect(policy.replicas('target')).toEqual({ rule: 'target-default', targets: [] });
    expect(policy.replicas('keep')).toEqual({
      rule: 'keep-source',
      kmsObjects: 'replicate',
      replicaKey: 'copies',
      targets: [],
    });
    expect(policy.replicas('source')).toEqual({
      rule: 'target-default',
      targets: [{ bucket: 'target', prefix: '', deletes: false }],
    });
  });
});
