import { describe, expect, test } from 'vitest';
import type { Principal } from '../../../src/policy/decision.ts';
import type { BucketRuleDocument, PolicyDocument, RuleBlocks } from '../../../src/policy/document.ts';
import { FINDING_CODES, type Finding, type FindingCode } from '../../../src/policy/finding-codes.ts';
import { findings } from '../../../src/policy/findings.ts';
import { compile, KEYS, principal, WORLD } from './world.ts';

interface World {
  readonly bucketsWithoutRule?: 'managed' | 'none';
  readonly clients?: readonly Principal[];
}

function judge(document: PolicyDocument, more: World = {}): readonly Finding[] {
  return findings(document, compile(document), { ...WORLD, ...more });
}

function at(document: PolicyDocument, more: World = {}): readonly string[] {
  return judge(document, more).map(({ code, path }) => `${code} ${path.join('.')}`);
}

const QUIET: RuleBlocks = { encryption: { default: 'managed' }, transport: { httpsOnly: true } };

function rules(...buckets: readonly (Partial<BucketRuleDocument> & { readonly match: string })[]): PolicyDocument {
  return { version: 1, keys: KEYS, defaults: QUIET, buckets: buckets.map((bucket) => ({ store: 'full', ...bucket })) };
}
function encrypted(encryption: RuleBlocks['encryption'] & {}, store = 'full'): PolicyDocument {
  return rules({ match: 'b', store, encryption });
}
const STRENGTHEN = { clients: 'strengthen' } as const;

/** One case or more for every code: the document, and everything that is found in it. */
const CASES: readonly (readonly [FindingCode, PolicyDocument, readonly string[], World?])[] = [
  ['no-default', { version: 1, buckets: [{ match: 'b', store: 'full' }] }, ['no-default buckets.0']],
  ['store-unknown', rules({ match: 'b', store: 'ful' }), ['store-unknown buckets.0.store']],
  [
    'store-reserved',
    rules({ match: 'b', store: 'keyring' }),
    ['store-reserved buckets.0.store', 'store-unknown buckets.0.store'],
  ],
  [
    'default-infeasible',
    encrypted({ default: 'managed', by: 'store' }, 'partial'),
    ['default-infeasible buckets.0.encryption.default'],
  ],
  [
    'default-infeasible',
    encrypted({ default: { managed: 'SM4' } }, 'local'),
    ['default-infeasible buckets.0.encryption.default'],
  ],
  [
    'default-infeasible',
    encrypted({ default: { kms: 'orders', layers: 2 }, ...STRENGTHEN }, 'local'),
    ['default-infeasible buckets.0.encryption.default'],
  ],
  [
    'default-infeasible',
    encrypted({ default: { kms: 'other' }, by: 'store', ...STRENGTHEN }, 'partial'),
    ['default-infeasible buckets.0.encryption.default'],
  ],
  [
    'default-infeasible',
    encrypted({ default: 'store', by: 'store' }, 'local'),
    ['default-infeasible buckets.0.encryption.default'],
  ],
  ['default-refused', encrypted({ default: 'managed' }, 'partial'), ['default-refused buckets.0.encryption.default']],
  [
    'accept-infeasible',
    encrypted({ default: 'none', accept: [{ kms: 'orders' }, 'customer'], by: 'store' }, 'partial'),
    ['plaintext-default buckets.0.encryption.default', 'accept-infeasible buckets.0.encryption.accept.1'],
  ],
  [
    'accept-refused',
    encrypted({ default: 'managed', accept: [{ managed: 'SM4' }] }, 'local'),
    ['accept-refused buckets.0.encryption.accept.0'],
  ],
  [
    'sealing-unavailable',
    encrypted({ default: 'managed', by: 'gateway' }),
    ['sealing-unavailable buckets.0.encryption.by'],
  ],
  ...([{ kms: 'orders' }, 'managed', { kms: 'default', algorithm: 'SM4' }] as const).map(
    (value) =>
      [
        'bucket-rule-unsatisfiable',
        encrypted({ default: value, clients: 'ignore' }, 'byrule'),
        ['bucket-rule-unsatisfiable buckets.0.encryption.default'],
      ] as const,
  ),
  [
    'bucket-rule-unsatisfiable',
    rules({
      match: 'b',
      store: 'byrule',
      encryption: { default: { kms: 'default' }, clients: 'ignore' },
      prefixes: [{ prefix: 'p', encryption: { default: 'none' } }],
      replicas: { rule: 'keep-source' },
    }),
    [
      'bucket-rule-unsatisfiable buckets.0.replicas',
      'plaintext-default buckets.0.prefixes.0.encryption.default',
      'bucket-rule-unsatisfiable buckets.0.prefixes.0.encryption.default',
    ],
  ],
  [
    'alias-unresolved',
    encrypted({ default: { kms: 'order' }, ...STRENGTHEN }),
    ['alias-unresolved buckets.0.encryption.default.kms'],
  ],
  [
    'alias-undeclared',
    encrypted({ default: { kms: 'order' }, ...STRENGTHEN }, 'local'),
    ['alias-undeclared buckets.0.encryption.default.kms'],
  ],
  [
    'alias-undeclared',
    {
      version: 1,
      defaults: { encryption: { default: { kms: 'a' }, clients: 'strengthen' }, transport: { httpsOnly: true } },
      buckets: [
        {
          match: 'b',
          store: 'local',
          encryption: { accept: [{ kms: 'b' }, { kms: 'default' }] },
          prefixes: [{ prefix: 'p/', encryption: { default: { kms: 'c' } } }],
          replicas: { rule: 'keep-source', kmsObjects: 'replicate', replicaKey: 'd' },
        },
      ],
    },
    [
      'alias-undeclared defaults.encryption.default.kms',
      'alias-undeclared buckets.0.encryption.accept.0.kms',
      'alias-undeclared buckets.0.prefixes.0.encryption.default.kms',
      'alias-undeclared buckets.0.replicas.replicaKey',
    ],
  ],
  ['alias-reserved', { ...rules({ match: 'b' }), keys: { default: {} } }, ['alias-reserved keys.default']],
  [
    'key-id-ambiguous',
    { ...rules({ match: 'b' }), keys: { a: { full: 'c' }, c: {} } },
    ['key-id-ambiguous keys.a.full'],
  ],
  [
    'key-id-shared',
    { ...rules({ match: 'b' }), keys: { a: { full: 'x' }, c: { full: 'x' }, d: { keyring: 'a' } } },
    ['key-id-shared keys.c.full', 'key-id-shared keys.d.keyring'],
  ],
  ['key-store-unknown', { ...rules({ match: 'b' }), keys: { a: { fulll: 'x' } } }, ['key-store-unknown keys.a.fulll']],
  [
    'replica-key-missing',
    rules({ match: 'b', replicas: { rule: 'keep-source', kmsObjects: 'replicate' } }),
    ['replica-key-missing buckets.0.replicas'],
  ],
  [
    'replica-key-unused',
    rules({ match: 'b', replicas: { rule: 'keep-source', replicaKey: 'copies' } }),
    ['replica-key-unused buckets.0.replicas.replicaKey'],
  ],
  [
    'replica-key-infeasible',
    rules({
      match: 'b',
      store: 'partial',
      encryption: { default: 'store' },
      replicas: { rule: 'keep-source', kmsObjects: 'replicate', replicaKey: 'copies' },
    }),
    ['replica-key-infeasible buckets.0.replicas.replicaKey'],
  ],
  [
    'replicate-target-without-rule',
    rules({ match: 'b', replicate: [{ bucket: 'c' }] }),
    ['replicate-unavailable buckets.0.replicate', 'replicate-target-without-rule buckets.0.replicate.0.bucket'],
  ],
  [
    'replicate-to-itself',
    rules({ match: 'b', replicate: [{ bucket: 'b' }] }),
    ['replicate-unavailable buckets.0.replicate', 'replicate-to-itself buckets.0.replicate.0.bucket'],
  ],
  [
    'replicate-unavailable',
    rules({ match: 'b', replicate: [{ bucket: 'b' }] }),
    ['replicate-unavailable buckets.0.replicate', 'replicate-to-itself buckets.0.replicate.0.bucket'],
  ],
  [
    'allow-unavailable',
    rules({ match: 'b', allow: ['fetch', 'callback', 'process', 'public-acl'] }),
    ['allow-unavailable buckets.0.allow.2'],
  ],
  [
    'allow-unavailable',
    rules({ match: 'b', store: 'local', allow: ['callback', 'public-acl'] }),
    ['allow-unavailable buckets.0.allow.0', 'allow-unavailable buckets.0.allow.1'],
  ],
  [
    'prefix-duplicate',
    rules({ match: 'b', prefixes: [{ prefix: 'p' }, { prefix: 'q' }, { prefix: 'p' }] }),
    ['prefix-duplicate buckets.0.prefixes.2.prefix'],
  ],
  ['until-invalid', rules({ match: 'b', mode: 'audit', until: '2026-13-45' }), ['until-invalid buckets.0.until']],
  ['plaintext-default', encrypted({ default: 'none' }), ['plaintext-default buckets.0.encryption.default']],
  [
    'plaintext-without-rule',
    encrypted({ default: 'store' }, 'local'),
    ['plaintext-without-rule buckets.0.encryption.default'],
    { bucketsWithoutRule: 'none' },
  ],
  [
    'http-with-kms',
    rules({
      match: 'b',
      transport: { httpsOnly: false },
      encryption: { default: { kms: 'orders' }, ...STRENGTHEN, accept: ['managed', { kms: 'other' }] },
    }),
    ['http-with-kms buckets.0.encryption.default'],
  ],
  [
    'http-with-kms',
    rules({ match: 'b', transport: { httpsOnly: false }, encryption: { accept: ['managed', { kms: 'other' }] } }),
    ['http-with-kms buckets.0.encryption.accept.1'],
  ],
  [
    'http-with-customer-key',
    rules({ match: 'b', transport: { httpsOnly: false }, encryption: { accept: ['customer'] } }),
    ['http-with-customer-key buckets.0.encryption.accept.0'],
  ],
  ['audit-without-until', rules({ match: 'b', mode: 'audit' }), ['audit-without-until buckets.0.mode']],
  ['audit-without-until', rules({ match: 'b', mode: { audit: {} } }), ['audit-without-until buckets.0.mode']],
  ['until-without-audit', rules({ match: 'b', until: '2026-12-31' }), ['until-without-audit buckets.0.until']],
  [
    'clients-below-default',
    encrypted({ default: { kms: 'orders' } }),
    ['clients-below-default buckets.0.encryption.default'],
  ],
  [
    'clients-below-default',
    encrypted({ default: { kms: 'orders' }, clients: 'choose', accept: [{ kms: 'default' }] }),
    ['clients-below-default buckets.0.encryption.clients'],
  ],
  [
    'accept-without-effect',
    encrypted({ default: 'managed', clients: 'refuse', accept: ['managed'] }),
    ['accept-without-effect buckets.0.encryption.accept'],
  ],
  [
    'min-tls-without-https',
    {
      version: 1,
      buckets: [{ match: 'b', store: 'full', encryption: { default: 'managed' }, transport: { minTls: '1.2' } }],
    },
    ['min-tls-without-https buckets.0.transport.minTls'],
  ],
  ['rule-unreachable', rules({ match: 'a*' }, { match: 'ab-*' }), ['rule-unreachable buckets.1.match']],
  ['rule-unreachable', rules({ match: '*' }, { match: '*' }), ['rule-unreachable buckets.1.match']],
  ['rules-overlap', rules({ match: 'a-*' }, { match: '*-z' }), ['rules-overlap buckets.1.match']],
  ['rule-narrows', rules({ match: 'ab-*' }, { match: 'a*' }), ['rule-narrows buckets.1.match']],
  ['name-shared', rules({ match: 'a-*', name: 'all' }), ['name-shared buckets.0.name']],
  [
    'writer-lacks-key',
    encrypted({ default: { kms: 'orders' }, ...STRENGTHEN }),
    ['writer-lacks-key buckets.0.encryption.default'],
    {
      clients: [
        principal({ accessKeyId: 'has', keys: ['orders'] }),
        principal({ accessKeyId: 'all' }),
        principal({ accessKeyId: 'elsewhere', keys: [], grants: [{ buckets: ['x*'], actions: ['write'] }] }),
        principal({ accessKeyId: 'reads', keys: [], grants: [{ buckets: ['*'], actions: ['read'] }] }),
        principal({ accessKeyId: 'lacks', keys: ['other'], grants: [{ buckets: ['b*'], actions: ['write'] }] }),
      ],
    },
  ],
];

describe('the second pass finds', () => {
  test.each(CASES.map(([code, document, expected, more]) => ({ code, document, expected, more })))('$code', (row) => {
    const { code, document, expected, more } = row;
    expect(at(document, more)).toEqual(expected);
    expect(expected.some((line) => line.startsWith(`${code} `))).toBe(true);
  });

  test('every documented code in some case, each with its documented level', () => {
    const found = CASES.flatMap(([, document, , more]) => judge(document, more));
    expect([...new Set(found.map(({ code }) => code))].sort()).toEqual(Object.keys(FINDING_CODES).sort());
    for (const { code, level, message } of found) {
      expect(level).toBe(FINDING_CODES[code].level);
      expect(message).not.toBe('');
    }
  });

  test.each<[PolicyDocument, string]>([
    [rules({ match: 'b', store: 'partail' }), 'did you mean "partial"?'],
    [encrypted({ default: { kms: 'order' } }), 'did you mean "orders"?'],
  ])('what was meant', (document, suggestion) => {
    expect(judge(document).map((found) => found.suggestion)).toContain(suggestion);
  });
});

describe('the second pass is quiet about', () => {
  test.each<[string, PolicyDocument]>([
    ['managed on every store that can', rules({ match: 'a' }, { match: 'b', store: 'local' })],
    ['KMS that clients can only strengthen', encrypted({ default: { kms: 'orders' }, ...STRENGTHEN })],
    ['KMS whose accept holds nothing lower', encrypted({ default: { kms: 'orders' }, accept: [{ kms: 'other' }] })],
    ['the only key that a store has', encrypted({ default: { kms: 'orders' }, by: 'store', ...STRENGTHEN }, 'partial')],
    ['the default key by bucket rule', encrypted({ default: { kms: 'default' }, clients: 'ignore' }, 'byrule')],
    [
      '`store` on any store',
      rules(
        { match: 'a', encryption: { default: 'store' } },
        { match: 'b', store: 'local', encryption: { default: 'store' } },
      ),
    ],
    ['a closing rule for the rest', rules({ match: 'a-*' }, { match: 'b' }, { match: '*' })],
    ['an audit with an end', rules({ match: 'b', mode: 'audit', until: '2026-12-31' })],
    [
      'a prefix that opens HTTP on purpose',
      {
        version: 1,
        defaults: { encryption: { default: 'managed' }, transport: { httpsOnly: true, minTls: '1.2' } },
        buckets: [{ match: 'b', store: 'full', prefixes: [{ prefix: 'p', transport: { httpsOnly: false } }] }],
      },
    ],
  ])('%s', (_, document) => {
    expect(at(document)).toEqual([]);
  });
});
