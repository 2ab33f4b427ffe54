import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Wish } from '../../../src/model/objects.ts';
import type { Decision } from '../../../src/policy/decision.ts';
import type { EncryptionValue, ReplicasBlock } from '../../../src/policy/document.ts';
import { compile, CUSTOMER, kms, KEYS, MANAGED, principal, wishFor, writeInput } from './world.ts';

interface Row {
  readonly row?: number;
  readonly source: string;
  readonly target: string;
  readonly kmsObjects?: 'skip' | 'replicate';
  readonly replica: string | null;
}
const vectors = JSON.parse(readFileSync(new URL('../../vectors/policy/replicas.json', import.meta.url), 'utf8')) as {
  readonly keepSource: readonly Row[];
  readonly targetDefault: readonly Row[];
};

const SOURCES: Readonly<Record<string, Wish>> = {
  plain: { state: 'absent' },
  managed: MANAGED,
  kms: kms('default'),
  // The source's own id: no key of this policy, and never resolved.
  'kms+key': kms('e1935511-of-another-cloud'),
};
const TARGETS: Readonly<Record<string, EncryptionValue>> = {
  none: 'none',
  managed: 'managed',
  kms: { kms: 'default' },
  'kms+key': { kms: 'orders' },
};

function all<T>(table: Readonly<Record<string, T>>, name: string): readonly [string, T][] {
  return Object.entries(table).filter(([key]) => name === 'any' || key === name);
}

function replicate(replicas: ReplicasBlock | undefined, target: EncryptionValue, wish: Wish, more = {}): Decision {
  return compile({
    version: 1,
    keys: KEYS,
    buckets: [
      {
        match: 'b',
        store: 'full',
        // What clients may do does not concern replicators.
        encryption: { default: target, clients: 'refuse' },
        ...(replicas === undefined ? {} : { replicas }),
      },
    ],
  }).decide(writeInput('full', { principal: principal({ replicator: true }), wish, ...more }));
}

function spelled(decision: Decision): string | null {
  if (decision.effect === 'deny') return decision.code === 'AccessDenied' ? null : decision.code;
  const { encryption } = decision;
  if (encryption.kind === 'none') return 'plain';
  if (encryption.kind !== 'kms') return encryption.kind;
  if (encryption.key === 'default') return 'kms';
  return encryption.key === 'copies'
    ? 'kms+replica key'
    : `kms+key of the ${encryption.key === 'orders' ? 'target' : '?'}`;
}

describe('keep-source', () => {
  test.each(vectors.keepSource)('row $row: $source onto $target, kmsObjects $kmsObjects: $replica', (row) => {
    const replicas = { rule: 'keep-source', kmsObjects: row.kmsObjects ?? 'skip', replicaKey: 'copies' } as const;
    for (const [source, wish] of all(SOURCES, row.source))
      for (const [target, value] of all(TARGETS, row.target))
        expect([source, target, spelled(replicate(replicas, value, wish))]).toEqual([source, target, row.replica]);
  });

  test('skips what touches a named key unless it says otherwise', () => {
    expect(spelled(replicate({ rule: 'keep-source' }, 'managed', kms('x')))).toBeNull();
  });

  test("keeps the source's data algorithm and layers, under another key too", () => {
    const replicas = { rule: 'keep-source', kmsObjects: 'replicate', replicaKey: 'copies' } as const;
    expect(replicate(replicas, 'managed', kms('x', { algorithm: 'SM4', layers: 2 }))).toMatchObject({
      encryption: { kind: 'kms', key: 'copies', algorithm: 'SM4', layers: 2 },
    });
    expect(replicate(replicas, 'managed', wishFor({ kind: 'managed', algorithm: 'SM4' }))).toMatchObject({
      encryption: { kind: 'managed', algorithm: 'SM4' },
    });
  });

  test("refuses a source under a customer's key, and an ill-formed source", () => {
    expect(spelled(replicate({ rule: 'keep-source' }, 'managed', CUSTOMER))).toBeNull();
  });

  test('demands the key grant of the key that is written under', () => {
    const replicas = { rule: 'keep-source', kmsObjects: 'replicate', replicaKey: 'copies' } as const;
    const holder = (keys: readonly string[]) => ({ principal: principal({ replicator: true, keys }) });
    expect(spelled(replicate(replicas, 'managed', kms('x'), holder(['orders'])))).toBeNull();
    expect(spelled(replicate(replicas, 'managed', kms('x'), holder(['copies'])))).toBe('kms+replica key');
  });

  test('takes the source of a client without wishes as plain', () => {
    expect(spelled(replicate({ rule: 'keep-source' }, 'managed', kms('x'), { wishesIgnored: true }))).toBe('managed');
  });
});

describe('target-default', () => {
  test.each(vectors.targetDefault)('$source onto $target: $replica', (row) => {
    for (const replicas of [undefined, 'target-default', { rule: 'target-default' }] as const)
      for (const [source, wish] of all({ ...SOURCES, customer: CUSTOMER }, row.source))
        for (const [target, value] of all(TARGETS, row.target))
          expect([source, target, spelled(replicate(replicas, value, wish))]).toEqual([source, target, row.replica]);
  });
});

test('a client that is no replicator gains nothing from a replication rule', () => {
  const policy = compile({
    version: 1,
    keys: KEYS,
    buckets: [
      {
        match: 'b',
        store: 'full',
        encryption: { default: 'managed', clients: 'refuse' },
        replicas: { rule: 'keep-source' },
      },
    ],
  });
  expect(policy.decide(writeInput('full', { wish: kms('default') }))).toMatchObject({
    effect: 'deny',
    code: 'AccessDenied',
  });
});
