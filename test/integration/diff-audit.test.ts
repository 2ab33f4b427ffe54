import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutBucketEncryptionCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createServices } from '../../src/assemble.ts';
import { run } from '../../src/cli/run.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';

type Rules = readonly Record<string, unknown>[];

const KEYS = { orders: { keyring: 'orders' } };
const rules = (buckets: Rules): object => ({ version: 1, keys: KEYS, buckets });
const OLD: Rules = [
  { match: 'kms-*', store: 'local', encryption: { default: { kms: 'orders' } } },
  { match: 'own-*', store: 'local', encryption: { default: 'store' } },
  {
    match: '*',
    store: 'local',
    encryption: { default: 'managed' },
    prefixes: [{ prefix: 'kms/', encryption: { default: { kms: 'orders' } } }],
  },
];

let gateway: TestGateway;
let client: S3Client;
let audit: string;
const files = mkdtempSync(join(tmpdir(), 'diff-'));

function written(name: string, content: string): string {
  writeFileSync(join(files, name), content);
  return join(files, name);
}

async function diff(
  next: Rules,
  ...more: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const [old, changed] = [written('old.yaml', stringify(rules(OLD))), written('new.yaml', stringify(rules(next)))];
  let [out, err] = ['', ''];
  const services = {
    ...createServices(),
    stdout: (text: string) => void (out += text),
    stderr: (text: string) => void (err += text),
  };
  const code = await run(services, ['diff', old, changed, ...more]);
  return { code, out, err };
}

beforeAll(async () => {
  gateway = await startGateway({
    policy: rules(OLD),
    clients: { plain: { grants: [{ buckets: ['*'], actions: ['write'] }] } },
  });
  client = awsClient(gateway);
  const plain = awsClient(gateway, { client: gateway.clients['plain']! });
  for (const Bucket of ['kms-a', 'own-a', 'other']) await client.send(new CreateBucketCommand({ Bucket }));
  const rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' as const, KMSMasterKeyID: 'orders' } };
  await client.send(
    new PutBucketEncryptionCommand({ Bucket: 'own-a', ServerSideEncryptionConfiguration: { Rules: [rule] } }),
  );
  const put = async (by: S3Client, Bucket: string, Key: string, wish: object = {}): Promise<void> => {
    await by.send(new PutObjectCommand({ Bucket, Key, Body: 'x', ...wish })).catch(() => undefined);
  };
  await put(client, 'kms-a', 'x');
  await put(plain, 'kms-a', 'x');
  await put(client, 'kms-a', 'x', { ServerSideEncryption: 'AES256' });
  await put(client, 'own-a', 'x');
  await put(client, 'other', 'x');
  await put(client, 'other', 'kms/x', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'orders' });
  await put(client, 'other', 'ill', { ServerSideEncryption: 'rot13' });
  plain.destroy();
  const lines = (await gateway.audit()).map((line) => JSON.stringify(line));
  audit = written(
    'audit.jsonl',
    `${lines.join('\n')}\nno json\n{"level":30,"message":"a log line"}\n{"kind":"decision","who":"x"}\n`,
  );
});
afterAll(async () => {
  client.destroy();
  await gateway.close();
});

describe('diff over recorded decisions', () => {
  test('the same policy answers the same, and every line is accounted for', async () => {
    const { code, out } = await diff(OLD, '--audit', audit, '--config', gateway.configFile);
    expect(out).toMatch(
      /^no difference in meaning\n\d+ recorded decisions, 0 different; \d+ other records, 2 unknown lines\n$/,
    );
    expect(code).toBe(0);
    const total = [...out.matchAll(/(\d+) (?:recorded|other|unknown)/g)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
    expect(total).toBe((await gateway.audit()).length + 3);
  });

  test('a replay under the policy of then answers what was recorded; what was refused then is refused now', async () => {
    const everybody = [{ match: 'nothing', store: 'local', encryption: { default: 'none' } }];
    const { out } = await diff(everybody, '--audit', audit, '--config', gateway.configFile, '--json');
    const answers = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { operation?: string; bucket: string; old: string; count: number });
    const old = answers
      .filter(({ operation }) => operation === 'PutObject')
      .map(({ bucket, old: answer, count }) => `${count} ${bucket} ${answer}`);
    expect(old.sort()).toEqual([
      '1 kms-a allow kms with key orders by the gateway at local/kms-a',
      '1 kms-a allow managed by the gateway at local/kms-a',
      '1 other allow kms with key orders by the gateway at local/other',
      '1 other allow managed by the gateway at local/other',
      '1 other deny InvalidArgument',
      '1 own-a allow kms with key orders by the gateway at local/own-a',
    ]);
  });

  test('what a stricter policy would refuse is counted, exit 2', async () => {
    const strict = OLD.map((rule) =>
      rule['match'] === 'kms-*' ? { ...rule, encryption: { default: { kms: 'orders' }, clients: 'refuse' } } : rule,
    );
    const { code, out } = await diff(strict, '--audit', audit, '--config', gateway.configFile);
    expect(code).toBe(2);
    expect(out).toContain('kms-*  clients: choose -> refuse\n');
    expect(out).toContain('1 x PutObject kms-a  allow managed by the gateway at local/kms-a -> deny AccessDenied\n');
  });

  test('plain HTTP that a policy closes is a difference', async () => {
    const closed = OLD.map((rule) => (rule['match'] === '*' ? { ...rule, transport: { httpsOnly: true } } : rule));
    const { out } = await diff(closed, '--audit', audit, '--config', gateway.configFile);
    expect(out).toMatch(/1 x PutObject other .*allow managed .* -> deny AccessDenied\n/);
  });

  test('without a configuration everybody holds every right, which is said', async () => {
    const { out } = await diff(OLD, '--audit', audit);
    expect(out).toContain('without --config every client holds every right');
  });

  test('a missing audit file is a wrong command line', async () => {
    const { code, err } = await diff(OLD, '--audit', join(files, 'none'));
    expect([code, err]).toEqual([64, expect.stringContaining('cannot be read')]);
  });
});

describe('diff in meaning', () => {
  test('rules that come and go are named with their line', async () => {
    const next = [
      { match: 'new-*', store: 'local', encryption: { default: 'none' } },
      ...OLD.filter(({ match }) => match !== 'own-*'),
    ];
    const { code, out } = await diff(next);
    expect(code).toBe(2);
    expect(out).toMatch(/^rule own-\* removed \(\S+old\.yaml:\d+\)\nrule new-\* added \(\S+new\.yaml:\d+\)\n/);
    expect(out).toContain('new-*  default: managed -> no encryption\n');
    expect(out).toContain("own-*  default: the bucket's own rule -> managed\n");
  });

  test('two rules that share buckets and change places decide differently', async () => {
    const { code, out } = await diff([OLD[2]!, OLD[0]!, OLD[1]!]);
    expect(code).toBe(2);
    expect(out).toContain('buckets of both kms-* and *  rule: kms-* -> *\n');
  });
});
