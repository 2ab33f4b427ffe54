import { describe, expect, test } from 'vitest';
import type { BucketRule, KeyAlias } from '../../../src/model/encryption.ts';
import type { Wish } from '../../../src/model/objects.ts';
import type { CompiledPolicy } from '../../../src/policy/compile.ts';
import type { Decision, Resolved } from '../../../src/policy/decision.ts';
import type { EncryptionBlock, PolicyDocument, ReplicasBlock } from '../../../src/policy/document.ts';
import { explain } from '../../../src/policy/explain.ts';
import { oracle, type Facts } from './oracle.ts';
import * as world from './world.ts';

/** The default as the file says it, what the bucket itself is set to, and the word that both come to. */
const DEFAULTS: readonly {
  readonly value: Exclude<EncryptionBlock['default'], undefined>;
  readonly rule?: BucketRule<KeyAlias>;
  readonly without?: 'managed' | 'none';
  readonly word: (store: string) => string;
}[] = [
  { value: 'none', word: () => 'none' },
  { value: 'managed', word: () => 'managed' },
  { value: { kms: 'default' }, word: () => 'kms:default' },
  { value: { kms: 'orders' }, word: () => 'kms:orders' },
  { value: 'store', without: 'managed', word: (store) => (store === 'local' ? 'managed' : 'unspecified') },
  { value: 'store', without: 'none', word: (store) => (store === 'local' ? 'none' : 'unspecified') },
  { value: 'store', rule: { kind: 'managed', algorithm: 'AES256' }, word: () => 'managed' },
  {
    value: 'store',
    rule: { kind: 'kms', key: 'orders' as KeyAlias, algorithm: 'AES256', layers: 1 },
    word: () => 'kms:orders',
  },
];

const ACCEPTS: readonly (EncryptionBlock['accept'] | undefined)[] = [
  undefined,
  [],
  ['managed', { kms: 'orders' }, 'customer'],
  [{ kms: 'default' }, { managed: 'SM4' }],
];
const ACCEPT_WORDS: readonly Facts['accept'][] = [
  undefined,
  [],
  ['managed', 'kms:orders', 'customer'],
  ['kms:default', 'managed-SM4'],
];

const WISHES: readonly (readonly [word: string, wish: Wish])[] = [
  ['absent', { state: 'absent' }],
  ['ill', world.ILL_FORMED],
  ['managed', world.MANAGED],
  ['managed-SM4', world.MANAGED_SM4],
  ['kms:default', world.kms('default')],
  ['kms:orders', world.kms('orders')],
  ['kms:orders', world.kms('orders-at-full')],
  ['kms:other', world.kms('other')],
  ['kms:?', world.kms('nobody-knows')],
  ['customer', world.CUSTOMER],
];

const CLIENTS = ['choose', 'strengthen', 'ignore', 'refuse'] as const;
const BY = ['store', 'gateway', 'either'] as const;
const STORES = ['full', 'partial', 'local', 'byrule'] as const;
const KEYS: readonly (readonly string[])[] = [[], ['orders'], ['*']];
const REPLICAS: readonly (readonly [Facts['replication'], ReplicasBlock | undefined])[] = [
  ['target-default', undefined],
  ['target-default', { rule: 'target-default' }],
  ['keep-skip', { rule: 'keep-source' }],
  ['keep-replicate', { rule: 'keep-source', kmsObjects: 'replicate', replicaKey: 'copies' }],
];
const MODES = ['enforce', 'audit', 'audit-ended'] as const;
const BOTH = [false, true] as const;
const NOW = Date.parse('2026-06-01T00:00:00Z');
const UNTIL = { enforce: undefined, audit: '2026-06-01T00:00:01Z', 'audit-ended': '2026-06-01' } as const;

/** A prefix that changes two fields and leaves the others to the bucket. */
const PREFIX = { default: { kms: 'default' }, clients: 'strengthen' } as const;

describe('the decision table', () => {
  test('holds for every default, clients, accept, by, store, wish, grant, transport and dialect', () => {
    const table = newTable();
    for (const standard of DEFAULTS)
      for (const clients of CLIENTS)
        for (const accept of ACCEPTS.keys())
          for (const by of BY)
            for (const store of STORES)
              table.rows({ standard, clients, accept, by, store, replicas: 0, mode: 'enforce' }, (row) => {
                for (const keys of KEYS)
                  for (const secure of BOTH)
                    for (const ignored of BOTH) row({ keys, secure, ignored, replicator: false, prefixed: false });
              });
    expect(table.differences()).toEqual([]);
    expect(table.count()).toBe(8 * 4 * 4 * 3 * 4 * WISHES.length * 3 * 2 * 2);
  });

  test('holds for replicators, modes and prefixes too', () => {
    const table = newTable();
    for (const standard of DEFAULTS)
      for (const clients of CLIENTS)
        for (const accept of [0, 2])
          for (const by of ['store', 'either'] as const)
            for (const store of STORES)
              for (const replicas of REPLICAS.keys())
                for (const mode of MODES)
                  table.rows({ standard, clients, accept, by, store, replicas, mode }, (row) => {
                    for (const prefixed of BOTH)
                      for (const replicator of BOTH) {
                        row({ keys: ['orders', 'copies'], secure: true, ignored: false, replicator, prefixed });
                        row({ keys: ['orders'], secure: false, ignored: replicator, replicator, prefixed });
                      }
                  });
    expect(table.differences()).toEqual([]);
    expect(table.count()).toBe(8 * 4 * 2 * 2 * 4 * 4 * 3 * WISHES.length * 8);
  });
});

interface Shape {
  readonly standard: (typeof DEFAULTS)[number];
  readonly clients: (typeof CLIENTS)[number];
  readonly accept: number;
  readonly by: (typeof BY)[number];
  readonly store: (typeof STORES)[number];
  readonly replicas: number;
  readonly mode: (typeof MODES)[number];
}
interface Row {
  readonly keys: readonly string[];
  readonly secure: boolean;
  readonly ignored: boolean;
  readonly replicator: boolean;
  readonly prefixed: boolean;
}

/** Collects the first rows where policy, oracle and explain do not agree. */
function newTable() {
  const different: string[] = [];
  let rows = 0;
  const check = (policy: CompiledPolicy, shape: Shape, row: Row, [word, wish]: (typeof WISHES)[number]): void => {
    rows++;
    const input = {
      ...world.writeInput(shape.store),
      principal: world.principal({ keys: row.keys, replicator: row.replicator }),
      key: row.prefixed ? 'public/k' : 'k',
      wish,
      wishesIgnored: row.ignored,
      bucketRule: shape.standard.rule,
      bucketsWithoutRule: shape.standard.without ?? ('managed' as const),
      secure: row.secure,
      now: NOW,
    };
    const decision = policy.decide(input);
    const explained = explain(policy, { write: input });
    const actual = spelled(decision);
    const expected = expectation(shape, row, word);
    if ((actual !== expected || spelled(explained.decision) !== actual) && different.length < 10)
      different.push(`${JSON.stringify({ ...shape, ...row, wish: word })}: ${actual}, not ${expected}`);
    if (explained.outcome !== decision.effect && different.length < 10) different.push('explain has another outcome');
  };
  return {
    rows: (shape: Shape, each: (row: (row: Row) => void) => void) => {
      const policy = world.compile(documentOf(shape));
      each((row) => {
        for (const wish of WISHES) {
          // A store's own id names a key at that store only.
          const [word, value] = wish;
          const foreign = value === FOREIGN && shape.store !== 'full';
          check(policy, shape, row, foreign ? ['kms:?', value] : [word, value]);
        }
      });
    },
    differences: () => different,
    count: () => rows,
  };
}

const FOREIGN = WISHES[6]![1];

function documentOf({ standard, clients, accept, by, store, replicas, mode }: Shape): PolicyDocument {
  const listed = ACCEPTS[accept];
  const block = REPLICAS[replicas]?.[1];
  const until = UNTIL[mode];
  return {
    version: 1,
    keys: world.KEYS,
    buckets: [
      {
        match: 'b',
        store,
        encryption: { default: standard.value, clients, by, ...(listed === undefined ? {} : { accept: listed }) },
        ...(block === undefined ? {} : { replicas: block }),
        ...(until === undefined ? {} : { mode: 'audit' as const, until }),
        prefixes: [
          { prefix: 'pub', encryption: { default: 'none', clients: 'refuse' } },
          { prefix: 'public/', encryption: PREFIX },
        ],
      },
    ],
  };
}

function expectation(shape: Shape, row: Row, wish: string): string {
  const bucketStandard = shape.standard.word(shape.store);
  const enforced: Facts = {
    standard: row.prefixed ? 'kms:default' : bucketStandard,
    bucketStandard,
    clients: row.prefixed ? PREFIX.clients : shape.clients,
    accept: ACCEPT_WORDS[shape.accept],
    by: shape.by,
    store: shape.store,
    wish,
    ignored: row.ignored,
    keys: row.keys,
    secure: row.secure,
    replication: row.replicator ? REPLICAS[shape.replicas]![0] : 'no',
  };
  if (shape.mode !== 'audit') return oracle(enforced);
  const without = shape.standard.without ?? 'managed';
  const atBucket =
    shape.standard.rule !== undefined ? bucketStandard : shape.store === 'local' ? without : 'unspecified';
  const observed = oracle({
    ...enforced,
    standard: atBucket,
    bucketStandard: atBucket,
    clients: 'choose',
    accept: '*',
    by: 'either',
  });
  if (!observed.includes(' by ')) return observed;
  const would = oracle(enforced);
  if (!would.includes(' by ')) return `${observed} would ${would}`;
  const [taken, wouldTake] = [observed, would].map((text) => text.split(' ')[0]);
  return taken === wouldTake ? observed : `${observed} would ${wouldTake ?? ''}`;
}

const STATUS: Readonly<Record<string, number>> = { AccessDenied: 403, NotImplemented: 501 };

function spelled(decision: Decision | undefined): string {
  if (decision === undefined) return 'nothing';
  if (decision.effect === 'deny') return `${STATUS[decision.code] ?? 400} ${decision.code}`;
  const { wouldHave } = decision;
  const would =
    wouldHave === undefined
      ? ''
      : ` would ${wouldHave.effect === 'deny' ? spelled(wouldHave) : word(wouldHave.encryption)}`;
  return `${word(decision.encryption)} by ${decision.by}${decision.overridden ? ' overridden' : ''}${would}`;
}

function word(encryption: Resolved): string {
  switch (encryption.kind) {
    case 'managed':
      return encryption.algorithm === 'AES256' ? 'managed' : `managed-${encryption.algorithm}`;
    case 'kms':
      return `kms:${encryption.key}`;
    default:
      return encryption.kind;
  }
}
