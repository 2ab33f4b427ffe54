import { describe, expect, test } from 'vitest';
import type { Begun } from '../../../src/policy/continuation.ts';
import type { BucketRuleDocument, EncryptionBlock } from '../../../src/policy/document.ts';
import * as world from './world.ts';

const NONE: Begun['encryption'] = { kind: 'none' };
const MANAGED: Begun['encryption'] = { kind: 'managed', algorithm: 'AES256' };
const CUSTOMER: Begun['encryption'] = { kind: 'customer', algorithm: 'AES256', md5: 'cLyL2tf9nd+xqrdPcLBXbg==' };
const kms = (key: string | undefined, more: { algorithm?: 'AES256' | 'SM4'; layers?: 1 | 2 } = {}) =>
  ({ kind: 'kms', key, algorithm: 'AES256', layers: 1, ...more }) as const;

interface Asked extends Partial<Omit<Parameters<typeof world.writeInput>[1] & object, 'wish'>> {
  readonly alias?: string;
  readonly underBucketRule?: boolean;
  readonly rule?: Partial<BucketRuleDocument>;
}

function judged(
  encryption: EncryptionBlock,
  begun: Begun['encryption'],
  { alias, underBucketRule = false, rule, ...more }: Asked = {},
  store: world.StoreName = 'full',
) {
  const policy = world.compile({
    version: 1,
    keys: world.KEYS,
    buckets: [{ match: 'b', store, encryption, ...rule }],
  });
  const { wish: _wish, ...facts } = world.writeInput(store, more);
  return policy.continues({ ...facts, begun: { encryption: begun, alias, underBucketRule } });
}

function verdict(...args: Parameters<typeof judged>): string {
  const { decision } = judged(...args);
  return decision.effect === 'allow' ? 'allow' : `${decision.code}: ${decision.message}`;
}

const says = (reason: string): string => `AccessDenied: Access denied by policy rule "b": ${reason}.`;

describe('what was begun goes on where the rule would decide it today', () => {
  test.each<[string, EncryptionBlock, Begun['encryption'], Asked?]>([
    ['the default', { default: 'managed' }, MANAGED],
    ['a named key, which the client holds', { default: 'managed' }, kms('orders-at-full')],
    ['plaintext, where it is the default', { default: 'none' }, NONE],
    ['the default under `refuse`', { default: { kms: 'orders' }, clients: 'refuse' }, kms('orders-at-full')],
    ['the default under `ignore`', { default: { kms: 'orders' }, clients: 'ignore' }, kms('orders-at-full')],
    ['what is stronger than the default', { default: 'managed', clients: 'strengthen' }, kms('orders-at-full')],
    ["a customer's key, where it is accepted", { default: 'managed', accept: ['customer'] }, CUSTOMER],
    ['a key that no alias names, as the default key', { default: { kms: 'default' } }, kms('arn:of:nobody')],
    ['a key that the store does not name', { default: { kms: 'default' } }, kms(undefined)],
  ])('%s', (_, block, begun, asked) => {
    expect(verdict(block, begun, asked)).toBe('allow');
  });
});

describe('and is refused, naming the rule, where it would not', () => {
  test.each<[string, EncryptionBlock, Begun['encryption'], string]>([
    [
      'another default, which ignores wishes',
      { default: { kms: 'orders' }, clients: 'ignore' },
      MANAGED,
      says('what is continued was begun under managed, and the rule demands kms with key orders'),
    ],
    [
      'a weaker beginning, which would be raised',
      { default: { kms: 'orders' }, clients: 'strengthen' },
      MANAGED,
      says('what is continued was begun under managed, and the rule demands kms with key orders'),
    ],
    [
      'plaintext, once encryption is demanded',
      { default: 'managed' },
      NONE,
      says('what is continued was begun under no encryption, and the rule demands managed'),
    ],
    [
      "plaintext, once the bucket's own rule decides",
      { default: 'store' },
      NONE,
      says("what is continued was begun under no encryption, and the rule demands the store's own default"),
    ],
    [
      'what is not accepted any more',
      { default: { kms: 'orders' }, accept: [] },
      MANAGED,
      says('what is continued was begun under managed: managed is not among what the rule accepts'),
    ],
    [
      'the default key, where only a named one is accepted',
      { default: { kms: 'orders' }, accept: [] },
      kms('arn:of:nobody'),
      says(
        'what is continued was begun under kms with the default key: kms with the default key is not among what the rule accepts',
      ),
    ],
    [
      'two layers, where the default has one',
      { default: { kms: 'orders' }, clients: 'refuse' },
      kms('orders-at-full', { layers: 2 }),
      says(
        'what is continued was begun under kms with key orders, two layers: kms with key orders, two layers was asked, and the rule says kms with key orders for every object',
      ),
    ],
  ])('%s', (_, block, begun, words) => {
    expect(verdict(block, begun)).toBe(words);
  });

  test('what the store cannot do any more is no 4xx about a wish', () => {
    const { decision } = judged({ default: 'managed', by: 'store' }, MANAGED, {}, 'partial');
    expect(decision).toMatchObject({ effect: 'deny', code: 'AccessDenied' });
  });

  test('a bucket that no rule serves', () => {
    expect(verdict({ default: 'managed' }, MANAGED, { bucket: 'elsewhere' })).toBe('AccessDenied: Access Denied');
  });
});

describe('keys', () => {
  const without = { principal: world.principal({ keys: ['other'] }) };

  test('nobody continues under a key that is not theirs, whatever the mode', () => {
    const refused = says('the client may not use the key orders');
    expect(verdict({ default: 'managed' }, kms('orders-at-full'), without)).toBe(refused);
    expect(verdict({ default: 'store' }, kms('orders-at-full'), { ...without, underBucketRule: true })).toBe(refused);
    expect(verdict({ default: 'managed' }, kms('orders-at-full'), { ...without, rule: { mode: 'audit' } })).toBe(
      refused,
    );
    expect(verdict({ default: 'managed' }, kms('other-at-full'), without)).toBe('allow');
  });

  test('a key that has left the policy keeps the name that it was used by', () => {
    expect(verdict({ default: 'managed' }, kms('gone'), { alias: 'orders', ...without })).toBe(
      says('the client may not use the key orders'),
    );
    // `orders` stands for orders-at-full today: what lies under another key is not that.
    expect(verdict({ default: { kms: 'orders' } }, kms('gone'), { alias: 'orders' })).toBe(
      says('what is continued was begun under kms with key orders, and that name stands for another key today'),
    );
    expect(verdict({ default: { kms: 'default' } }, kms('gone'), { alias: 'forgotten' })).toBe(
      says('what is continued was begun under kms with key forgotten: no key is named forgotten'),
    );
  });

  test('a key that has another alias today goes by that one', () => {
    expect(verdict({ default: 'managed' }, kms('other-at-full'), { alias: 'former', ...without })).toBe('allow');
    expect(judged({ default: 'managed' }, kms('other-at-full'), { alias: 'former' }).recorded).toMatchObject({
      kind: 'kms',
      key: 'other',
    });
  });

  test('the embedded store keeps names: one that the policy has forgotten is not its default key', () => {
    expect(verdict({ default: { kms: 'default' } }, kms('forgotten'), {}, 'local')).toMatch(/^AccessDenied/);
    expect(verdict({ default: { kms: 'orders' } }, kms('orders'), {}, 'local')).toBe('allow');
  });
});

describe("under the bucket's own rule", () => {
  test.each<[string, Begun['encryption']]>([
    ['plaintext', NONE],
    ['managed', MANAGED],
    ['a key', kms('orders-at-full')],
    ['an answer that was silent', { kind: 'unspecified' }],
  ])('%s goes on, whatever that rule says now, as long as the policy leaves it to the bucket', (_, begun) => {
    const bucketRule = { kind: 'kms', key: 'other', algorithm: 'AES256', layers: 1 } as never;
    expect(verdict({ default: 'store' }, begun, { underBucketRule: true, bucketRule })).toBe('allow');
    expect(verdict({ default: { kms: 'other' }, clients: 'ignore' }, begun, { underBucketRule: true })).toMatch(
      /^AccessDenied/,
    );
  });

  test('a beginning that nobody noted counts as the bucket’s, but never a customer’s key', () => {
    const policy = world.compile({
      version: 1,
      buckets: [{ match: 'b', store: 'full', encryption: { default: 'store', accept: [] } }],
    });
    const { wish: _wish, ...facts } = world.writeInput('full');
    expect(policy.continues({ ...facts, begun: { encryption: NONE } }).decision.effect).toBe('allow');
    expect(policy.continues({ ...facts, begun: { encryption: CUSTOMER } }).decision.effect).toBe('deny');
  });

  test('it is noted when the bucket’s own rule decides, and only then', () => {
    const decide = (encryption: EncryptionBlock, wish: Parameters<typeof world.writeInput>[1]) =>
      world
        .compile({ version: 1, keys: world.KEYS, buckets: [{ match: 'b', store: 'full', encryption }] })
        .decide(world.writeInput('full', wish));
    expect(decide({ default: 'store' }, {})).toMatchObject({ underBucketRule: true });
    expect(decide({ default: 'store', clients: 'ignore' }, { wish: world.MANAGED })).toMatchObject({
      underBucketRule: true,
    });
    expect(decide({ default: 'store' }, { wish: world.MANAGED })).not.toHaveProperty('underBucketRule');
    expect(decide({ default: 'managed' }, {})).not.toHaveProperty('underBucketRule');
  });
});

describe('replicators', () => {
  const principal = world.principal({ replicator: true });
  const keepSource = (kmsObjects: 'replicate' | 'skip') => ({
    replicas: {
      rule: 'keep-source',
      kmsObjects,
      ...(kmsObjects === 'replicate' ? { replicaKey: 'copies' } : {}),
    } as const,
  });

  test.each<[string, Begun['encryption'], Partial<BucketRuleDocument>, boolean]>([
    ['the default', MANAGED, { replicas: 'target-default' }, true],
    ['what the default is not', kms('orders-at-full'), { replicas: 'target-default' }, false],
    ['a plain source’s', MANAGED, keepSource('skip'), true],
    ['a source under the default key', kms('default'), keepSource('skip'), true],
    ['the replica key', kms('copies-at-full'), keepSource('replicate'), true],
    [
      'the replica key in the source’s algorithm',
      kms('copies-at-full', { algorithm: 'SM4' }),
      keepSource('replicate'),
      true,
    ],
    ['the replica key, where such sources are skipped', kms('copies-at-full'), keepSource('skip'), false],
    ['a key that no rule names', kms('orders-at-full'), keepSource('replicate'), false],
    ['plaintext', NONE, keepSource('replicate'), false],
  ])('%s', (_, begun, rule, allowed) => {
    const words = verdict({ default: 'managed' }, begun, { principal, rule });
    if (allowed) expect(words).toBe('allow');
    else expect(words).toMatch(/^AccessDenied: Access denied by policy rule "b"/);
  });
});

describe('clients without wishes', () => {
  test('continue what today’s default is, and nothing else', () => {
    const jd = { wishesIgnored: true };
    expect(verdict({ default: { kms: 'default' } }, kms('default'), jd)).toBe('allow');
    expect(verdict({ default: { kms: 'default' } }, MANAGED, jd)).toMatch(/^AccessDenied/);
    expect(verdict({ default: 'store' }, { kind: 'unspecified' }, { ...jd, underBucketRule: true })).toBe('allow');
  });
});

describe('audit mode', () => {
  const rule = { mode: 'audit' } as const;

  test('lets go on what would be refused, and says so', () => {
    const { decision, recorded, demanded } = judged({ default: { kms: 'orders' }, clients: 'ignore' }, NONE, { rule });
    expect(decision).toMatchObject({
      effect: 'allow',
      encryption: { kind: 'none' },
      wouldHave: { effect: 'deny', code: 'AccessDenied' },
    });
    expect([recorded.kind, demanded]).toEqual(['none', { kind: 'kms', key: 'orders', algorithm: 'AES256', layers: 1 }]);
  });

  test('does not let a customer’s key over plain HTTP', () => {
    const block: EncryptionBlock = { default: 'managed', accept: ['customer'] };
    expect(judged(block, CUSTOMER, { rule, secure: false }).decision).toMatchObject({
      effect: 'deny',
      code: 'InvalidRequest',
    });
  });

  test('ends with its day', () => {
    const audited = { rule: { mode: { audit: { until: '1970-01-02' } } } } as const;
    const block: EncryptionBlock = { default: { kms: 'orders' }, clients: 'ignore' };
    expect(verdict(block, NONE, { ...audited, now: 1000 })).toBe('allow');
    expect(verdict(block, NONE, { ...audited, now: 86_400_000 })).toMatch(/^AccessDenied/);
  });
});
