import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { judgePolicy } from '../../../src/cli/policy-services.ts';
import { DEFAULT_LIMITS, declaredCapabilities } from '../../../src/config/gateway-config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { principalOf } from '../../../src/config/policy-world.ts';
import { readConfigFile } from '../../../src/config/source-file.ts';
import { NAMES } from './gateway-names.ts';

const SAMPLES = resolve(import.meta.dirname, '../../../config');
const load = (file: string): ReturnType<typeof loadConfig> =>
  loadConfig(file, { names: NAMES, readFile: readConfigFile, judgePolicy });

describe('the operators’ example', () => {
  const outcome = load(join(SAMPLES, 'gateway.yaml'));
  const config = outcome.config!;

  test('is understood without an error', () => {
    expect(outcome.diagnostics.filter(({ level }) => level === 'ERROR')).toEqual([]);
    expect(outcome.policy?.document.buckets.length).toBeGreaterThan(4);
  });

  test('relative paths are relative to the file that names them', () => {
    const root = resolve(SAMPLES, '..');
    expect(config.stores['local']).toMatchObject({ kind: 'embedded', directory: join(root, 'data/objects') });
    expect(config.keyring).toEqual({ type: 'local', file: join(root, 'data/keyring.json') });
    expect(config.policy).toBe(join(SAMPLES, 'policy.yaml'));
    expect(config.listeners[1]?.tls).toEqual({
      certificate: join(root, 'data/tls.crt'),
      key: join(root, 'data/tls.key'),
    });
    expect(outcome.files).toEqual([join(SAMPLES, 'gateway.yaml'), join(SAMPLES, 'policy.yaml')]);
  });

  test('durations are ms, sizes bytes', () => {
    expect(config.limits).toMatchObject({
      head: 15_000,
      storeCopyHead: 300_000,
      uploads: 604_800_000,
      inFlight: 2 ** 28,
      spool: 10 * 2 ** 30,
    });
  });

  test('what is absent has its documented default', () => {
    expect(config.listeners[0]).toMatchObject({
      dialect: 'auto',
      proxyProtocol: false,
      signatures: { ossV1: 'allow', sigV2: 'allow' },
      tls: undefined,
    });
    expect(config.clients[1]).toMatchObject({ keys: [], replicator: false, dialect: undefined });
    expect(load(join(SAMPLES, 'quickstart.yaml')).config).toMatchObject({
      bucketsWithoutRule: 'managed',
      trustedProxies: [],
      cnames: {},
      shadowPolicy: undefined,
      limits: DEFAULT_LIMITS,
    });
  });

  test('declared capabilities replace those of the type, field by field', () => {
    const { ceph, hangzhou } = config.stores;
    expect(ceph?.capabilities).toEqual({
      ...NAMES.stores['s3']?.capabilities,
      managed: [],
      kms: ['testkey-1'],
      copyWithEncryption: false,
    });
    expect(hangzhou?.capabilities).toEqual(NAMES.stores['aliyun-oss']?.capabilities);
    expect(ceph).toMatchObject({ dialect: 's3', addressing: 'path' });
    expect(hangzhou).toMatchObject({ dialect: 'oss', addressing: 'virtual' });
    const type = NAMES.stores['s3']!.capabilities;
    expect(declaredCapabilities(type, { managed: 'AES256', minimumPartSize: '1MiB' })).toEqual({
      ...type,
      managed: ['AES256'],
      minimumPartSize: 2 ** 20,
    });
  });

  test('a principal carries rights and no secret', () => {
    const principal = principalOf(config.clients[0]!, 'APPID');
    expect(Object.keys(principal).sort()).toEqual(['accessKeyId', 'grants', 'keys', 'replicator', 'transport']);
  });
});

test('the revision changes with the policy and with nothing else', () => {
  const policies = ['version: 1\nbuckets: []\n', 'version: 1\nbuckets: []\n', 'version: 1\nbuckets: [] # more\n'];
  const revisions = policies.map(
    (policy) =>
      loadConfig(join(SAMPLES, 'quickstart.yaml'), {
        names: NAMES,
        judgePolicy: () => [],
        readFile: (path) => (path.endsWith('policy.yaml') ? { ok: true, text: policy } : readConfigFile(path)),
      }).revision,
  );
  expect(revisions[0]).toMatch(/^[0-9a-f]{12}$/);
  expect(revisions[1]).toBe(revisions[0]);
  expect(revisions[2]).not.toBe(revisions[0]);
});

test('a configuration that is no regular file is refused', () => {
  for (const path of [SAMPLES, '/dev/null', join(SAMPLES, 'nowhere.yaml')])
    expect(
      load(path).diagnostics.map(({ code }) => code),
      path,
    ).toEqual(['unreadable-file']);
});

test('a broken gateway file does not hide the mistakes of its policy', () => {
  const files: Readonly<Record<string, string>> = {
    'g.yaml': 'version: 1\nlistners: []\npolicy: p.yaml\n',
    'p.yaml': 'version: 1\nbukets: []\n',
  };
  const { diagnostics } = loadConfig('g.yaml', {
    names: NAMES,
    judgePolicy,
    readFile: (path) => ({ ok: true, text: files[path] ?? '' }),
  });
  expect(diagnostics.map(({ file, code }) => `${file} ${code}`)).toContain('p.yaml unknown-key');
});
