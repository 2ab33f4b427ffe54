import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { POLICY_SCHEMA } from '../../../src/policy/schema.ts';

const ajv = new Ajv2020({ allErrors: true, strict: true, verbose: true });
const validate = ajv.compile(POLICY_SCHEMA);

type Node = Readonly<Record<string, unknown>>;

/** Every schema node with the path to it. */
function nodes(node: unknown, path = '#'): readonly (readonly [string, Node])[] {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return [];
  const own = node as Node;
  return [
    [path, own] as const,
    ...Object.entries(own)
      .filter(([name]) => !['examples', 'required', 'enum'].includes(name))
      .flatMap(([name, child]) => nodes(child, `${path}/${name}`)),
  ];
}

const all = nodes(POLICY_SCHEMA);
const properties = all
  .filter(([, node]) => typeof node['properties'] === 'object')
  // An `if` asks and describes nothing.
  .filter(([path]) => !path.endsWith('/if'))
  .flatMap(([path, node]) =>
    Object.entries(node['properties'] as Node).map(([name, value]) => [`${path}/${name}`, value as Node] as const),
  );

function resolved(node: Node): Node {
  const ref = node['$ref'];
  if (typeof ref !== 'string') return node;
  return ref
    .split('/')
    .slice(1)
    .reduce<Node>((at, name) => at[name] as Node, POLICY_SCHEMA);
}

describe('the schema', () => {
  test('describes every property with an example that it accepts', () => {
    expect(properties.length).toBeGreaterThan(30);
    for (const [path, node] of properties) {
      const value = resolved(node);
      expect([path, typeof value['description']]).toEqual([path, 'string']);
      const examples = value['examples'] as readonly unknown[];
      expect([path, examples.length > 0]).toEqual([path, true]);
      const check = ajv.compile({ ...value, $defs: POLICY_SCHEMA.$defs });
      for (const example of examples) expect([path, check(example), check.errors]).toEqual([path, true, null]);
    }
  });

  test('takes no unknown key anywhere', () => {
    const open = all
      .filter(([path, node]) => typeof node['properties'] === 'object' && !path.endsWith('/if'))
      .filter(([, node]) => node['additionalProperties'] !== false)
      .map(([path]) => path);
    expect(open).toEqual([]);
  });

  test('accepts every block that a policy can have', () => {
    expect(validate(SAMPLE)).toBe(true);
    for (const more of [
      { replicas: 'target-default' },
      { replicas: { rule: 'keep-source', kmsObjects: 'skip' } },
      { replicas: { rule: 'keep-source', kmsObjects: 'replicate', replicaKey: 'orders' } },
      { mode: 'audit', until: '2026-12-31' },
      { mode: { audit: { until: '2026-12-31T00:00:00Z' } } },
      { encryption: { default: 'store', accept: ['customer', { managed: 'SM4' }] } },
    ])
      expect([more, validate({ ...SAMPLE, buckets: [{ match: 'b', store: 's', ...more }] }), validate.errors]).toEqual([
        more,
        true,
        null,
      ]);
  });

  test.each<[string, object, string, string]>([
    ['an unknown key', { storee: 's' }, '/buckets/0', 'additionalProperties'],
    ['an unknown default', { encryption: { default: 'mannaged' } }, '/buckets/0/encryption/default', 'enum'],
    ['a list as the default', { encryption: { default: [] } }, '/buckets/0/encryption/default', 'type'],
    [
      'an unknown key of a default',
      { encryption: { default: { kms: 'a', layer: 2 } } },
      '/buckets/0/encryption/default',
      'additionalProperties',
    ],
    [
      'managed and kms together',
      { encryption: { default: { kms: 'a', managed: 'SM4' } } },
      '/buckets/0/encryption/default',
      'additionalProperties',
    ],
    [
      'an unknown algorithm',
      { encryption: { default: { kms: 'a', algorithm: 'DES' } } },
      '/buckets/0/encryption/default/algorithm',
      'enum',
    ],
    [
      'three layers',
      { encryption: { default: { kms: 'a', layers: 3 } } },
      '/buckets/0/encryption/default/layers',
      'enum',
    ],
    ['plaintext as accepted', { encryption: { accept: ['none'] } }, '/buckets/0/encryption/accept/0', 'enum'],
    ['an unknown clients mode', { encryption: { clients: 'chose' } }, '/buckets/0/encryption/clients', 'enum'],
    ['a regular expression as a match', { match: 'a(b|c)' }, '/buckets/0/match', 'pattern'],
    ['an old TLS', { transport: { minTls: '1.1' } }, '/buckets/0/transport/minTls', 'enum'],
    ['a date that is none', { mode: 'audit', until: 'soon' }, '/buckets/0/until', 'pattern'],
    [
      'a key of keep-source on target-default',
      { replicas: { rule: 'target-default', replicaKey: 'a' } },
      '/buckets/0/replicas',
      'additionalProperties',
    ],
    ['an unknown replicas rule', { replicas: { rule: 'keep' } }, '/buckets/0/replicas/rule', 'enum'],
    ['another placeholder', { name: '{key}' }, '/buckets/0/name', 'pattern'],
    ['an empty prefix', { prefixes: [{ prefix: '' }] }, '/buckets/0/prefixes/0/prefix', 'minLength'],
    ['an unknown call', { allow: ['webhook'] }, '/buckets/0/allow/0', 'enum'],
  ])('names %s in few words', (_, rule, path, keyword) => {
    expect(validate({ version: 1, buckets: [{ match: 'b', store: 's', ...rule }] })).toBe(false);
    const told = (validate.errors ?? []).filter((error) => error.keyword !== 'if');
    expect(told.map((error) => [error.instancePath, error.keyword])).toEqual([[path, keyword]]);
  });

  test('needs a version and rules', () => {
    expect(validate({ buckets: [] })).toBe(false);
    expect(validate({ version: 2, buckets: [] })).toBe(false);
    expect(validate({ version: 1 })).toBe(false);
    expect(validate({ version: 1, buckets: [{ match: 'b' }] })).toBe(false);
    expect(validate({ version: 1, keys: { '~managed': {} }, buckets: [] })).toBe(false);
  });
});

const SAMPLE = {
  version: 1,
  keys: { orders: { keyring: 'orders', hangzhou: 'e1935511-cf88-1123-a0f8-1be8d2511abc', virginia: 'arn:aws:kms:…' } },
  defaults: { transport: { httpsOnly: true, minTls: '1.2' } },
  buckets: [
    {
      match: 'orders-*',
      store: 'hangzhou',
      name: '{bucket}',
      encryption: {
        default: { kms: 'orders' },
        clients: 'choose',
        accept: ['managed', { kms: 'orders' }],
        by: 'either',
        bucketRule: 'verify',
      },
      transport: { httpsOnly: true },
      replicas: { rule: 'target-default' },
      mode: 'enforce',
      prefixes: [{ prefix: 'public/', encryption: { default: 'managed' }, transport: { httpsOnly: false } }],
      allow: [],
      replicate: [{ bucket: 'orders-copy', prefix: '', deletes: false }],
    },
  ],
};
