import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { trace, type Attributes, type Span, type SpanOptions, type Tracer } from '@opentelemetry/api';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { startGateway, type AuditLine, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';

const DENIED = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };
const decisions = async (gateway: TestGateway): Promise<readonly AuditLine[]> =>
  (await gateway.audit()).filter(({ kind }) => kind === 'decision');
const last = async (gateway: TestGateway): Promise<AuditLine> => {
  const found = (await decisions(gateway)).at(-1);
  if (found === undefined) throw new Error('no decision was recorded');
  return found;
};
const metrics = async (gateway: TestGateway): Promise<string> =>
  await (await fetch(`http://127.0.0.1:${gateway.runtime.admin?.port ?? 0}/metrics`)).text();
const ADMIN = { admin: { host: '127.0.0.1', port: 0 } };

describe('audit mode', () => {
  const UNTIL = Date.parse('2031-05-01T00:00:00Z');
  let now = Date.now();
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({
      now: () => now,
      config: ADMIN,
      policy: {
        version: 1,
        keys: { orders: {} },
        buckets: [
          {
            match: 'audited',
            store: 'local',
            encryption: { default: { kms: 'orders' }, clients: 'refuse' },
            mode: { audit: { until: '2031-05-01T00:00:00Z' } },
          },
        ],
      },
    });
    await awsClient(gateway).send(new CreateBucketCommand({ Bucket: 'audited' }));
  });
  afterAll(() => gateway.close());

  test('passes what would be refused, and records and counts that', async () => {
    const put = await awsClient(gateway).send(
      new PutObjectCommand({ Bucket: 'audited', Key: 'k', Body: 'x', ServerSideEncryption: 'AES256' }),
    );
    expect(put.ServerSideEncryption).toBe('AES256');
    const line = await last(gateway);
    expect(line).toMatchObject({
      effect: 'allow',
      effective: 'managed AES256',
      wish: 'AES256',
      by: 'gateway',
      details: { wouldHave: 'deny AccessDenied' },
    });
    expect(line['rule']).toMatch(/policy\.yaml:\d+ audited$/);
    expect(await metrics(gateway)).toMatch(/policy_would_have_total\{[^}]*source="audit",effect="deny"[^}]*\} 1/);
  });

  test('passes what would be changed, and records what to', async () => {
    const put = await awsClient(gateway).send(new PutObjectCommand({ Bucket: 'audited', Key: 'k', Body: 'x' }));
    expect(put.ServerSideEncryption).toBe('AES256');
    expect(await last(gateway)).toMatchObject({ details: { wouldHave: 'change to kms orders' } });
    expect(await metrics(gateway)).toMatch(/policy_would_have_total\{[^}]*source="audit",effect="change"[^}]*\} 1/);
  });

  test('ends by itself: once `until` has passed the rule is enforced, without a reload', async () => {
    now = UNTIL - 1000;
    // The SDK corrects its clock by each answer's Date: a fresh one for each request.
    const skewed = (): ReturnType<typeof awsClient> => awsClient(gateway, { systemClockOffset: now - Date.now() });
    await skewed().send(
      new PutObjectCommand({ Bucket: 'audited', Key: 'k', Body: 'x', ServerSideEncryption: 'AES256' }),
    );
    now = UNTIL;
    await expect(
      skewed().send(new PutObjectCommand({ Bucket: 'audited', Key: 'k', Body: 'x', ServerSideEncryption: 'AES256' })),
    ).rejects.toMatchObject(DENIED);
    const put = await skewed().send(new PutObjectCommand({ Bucket: 'audited', Key: 'k', Body: 'x' }));
    expect(put.SSEKMSKeyId).toBe('orders');
    const line = await last(gateway);
    expect(line).toMatchObject({ effect: 'allow', effective: 'kms orders' });
    expect(line.details).not.toHaveProperty('wouldHave');
  });
});

describe('a shadow policy', () => {
  let gateway: TestGateway;
  const rule = (more: object): object => ({
    version: 1,
    keys: { orders: {} },
    buckets: [{ match: '*', store: 'local', ...more }],
  });
  beforeEach(async () => {
    gateway = await startGateway({
      config: { ...ADMIN, listeners: LISTENERS },
      policy: rule({ encryption: { default: 'managed' } }),
    });
    await awsClient(gateway).send(new CreateBucketCommand({ Bucket: 'bucket' }));
  });
  afterEach(() => gateway.close());
  const LISTENERS = [
    { name: 'http', host: '127.0.0.1', port: 0 },
    { name: 'https', host: '127.0.0.1', port: 0, tls: { certificate: './tls.crt', key: './tls.key' } },
  ];
  const underShadow = async (shadow: object): Promise<AuditLine> => {
    writeFileSync(join(gateway.directory, 'next.yaml'), stringify(shadow));
    gateway.writeConfig((config) => {
      config['shadowPolicy'] = './next.yaml';
    });
    expect((await gateway.runtime.reload()).ok).toBe(true);
    const put = await awsClient(gateway).send(new PutObjectCommand({ Bucket: 'bucket', Key: 'k', Body: 'x' }));
    expect(put.ServerSideEncryption).toBe('AES256');
    return await last(gateway);
  };

  test('is asked beside the active one, and only differences are recorded and counted', async () => {
    expect((await underShadow(rule({ encryption: { default: 'managed' } }))).details).not.toHaveProperty('shadow');
    expect(await underShadow(rule({ encryption: { default: { kms: 'orders' } } }))).toMatchObject({
      effective: 'managed AES256',
      details: { shadow: 'allow kms orders by gateway' },
    });
    expect(await metrics(gateway)).toMatch(/policy_would_have_total\{[^}]*source="shadow",effect="change"[^}]*\} 1/);
  });

  test('whose transport rule, or whose rules as a whole, would refuse the write', async () => {
    const httpsOnly = rule({ encryption: { default: 'managed' }, transport: { httpsOnly: true } });
    expect(await underShadow(httpsOnly)).toMatchObject({ effect: 'allow', details: { shadow: 'deny AccessDenied' } });
    expect(await metrics(gateway)).toMatch(/policy_would_have_total\{[^}]*source="shadow",effect="deny"[^}]*\} 1/);
    const elsewhere = {
      ...rule({}),
      buckets: [{ match: 'other', store: 'local', encryption: { default: 'managed' } }],
    };
    expect(await underShadow(elsewhere)).toMatchObject({ details: { shadow: 'deny AccessDenied' } });
  });
});

test('a signature form that a listener denies is refused there, and allowed at its neighbour', async () => {
  const gateway = await startGateway({
    policy: { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' } }] },
    config: {
      listeners: [
        { name: 'http', host: '127.0.0.1', port: 0, signatures: { ossV1: 'deny', sigV2: 'deny' } },
        { name: 'lenient', host: '127.0.0.1', port: 0 },
      ],
    },
  });
  try {
    const lenient = gateway.runtime.listening.addresses.find(({ name }) => name === 'lenient')?.port ?? 0;
    const answers = await Promise.all(
      [gateway.port, lenient].map(async (port) => {
        const response = await fetch(`http://127.0.0.1:${port}/bucket/k`, {
          headers: { authorization: `OSS ${gateway.main.accessKeyId}:bad`, date: new Date().toUTCString() },
        });
        return await response.text();
      }),
    );
    expect(answers[0]).toContain('switched off');
    expect(answers[1]).toContain('SignatureDoesNotMatch');
  } finally {
    await gateway.close();
  }
});

describe('the admin port', () => {
  test('answers its own pages and nothing else', async () => {
    const gateway = await startGateway({
      config: ADMIN,
      policy: { version: 1, buckets: [{ match: '*', store: 'local', encryption: { default: 'managed' } }] },
    });
    try {
      const s3 = awsClient(gateway);
      await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
      await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'personal-name', Body: 'x' }));
      const at = `http://127.0.0.1:${gateway.runtime.admin?.port ?? 0}`;
      const found: string[] = [];
      for (const path of [...PROBES, '/healthz', '/readyz', '/metrics', '/status']) {
        const response = await fetch(at + path, { redirect: 'manual' });
        const text = await response.text();
        if (response.status !== 404) found.push(path);
        expect(text).not.toContain(gateway.main.secretAccessKey);
        expect(text).not.toContain(gateway.main.accessKeyId);
        expect(text).not.toContain('personal-name');
      }
      expect(found).toEqual(['/healthz', '/readyz', '/metrics', '/status']);
      expect((await fetch(`${at}/reload`)).status).toBe(404);
      const foreign = await fetch(`${at}/reload`, { method: 'POST', headers: { origin: 'https://evil.example' } });
      expect(foreign.status).toBe(403);
    } finally {
      await gateway.close();
    }
  });
});

/** What scanners ask for first. */
const PROBES = [
  '/', '/env', '/.env', '/config', '/configprops', '/actuator', '/actuator/env', '/debug/pprof/', '/heapdump', '/threaddump',
  '/minio/bootstrap/v1/verify', '/minio/admin/v3/info', '/minio/health/live', '/admin', '/api/v1/config', '/v1/sys/health',
  '/.git/config', '/server-status', '/bucket', '/bucket/personal-name', '/..%2f..%2fetc/passwd', '/status/../reload',
  '/secrets', '/keys', '/gateway.yaml', '/policy.yaml', '/metrics/..', '/swagger.json', '/graphql', '/console',
]; // prettier-ignore

describe('server spans', () => {
  const spans: { name: string; attributes: Attributes; ended: boolean }[] = [];
  beforeAll(() => {
    trace.setGlobalTracerProvider({ getTracer: () => recordingTracer(spans) });
  });
  afterAll(() => trace.disable());

  test('tell operation, rule, decision, wish and effect; never a key, a query or a secret', async () => {
    const gateway = await startGateway({
      policy: {
        version: 1,
        keys: { orders: {} },
        buckets: [{ match: 'bucket', store: 'local', encryption: { default: { kms: 'orders' }, clients: 'ignore' } }],
      },
    });
    try {
      const s3 = awsClient(gateway);
      await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
      spans.length = 0;
      const put = { Bucket: 'bucket', Key: 'personal-name', Body: 'x', ServerSideEncryption: 'AES256' } as const;
      await s3.send(new PutObjectCommand(put));
      await s3.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'personal-name' }));
      await expect(s3.send(new GetObjectCommand({ Bucket: 'nobody-serves-this', Key: 'x' }))).rejects.toThrow();
      const [write, read, refused] = spans;
      expect(write).toMatchObject({
        name: 'PUT PutObject',
        ended: true,
        attributes: {
          'bucketseal.operation': 'PutObject',
          'aws.s3.bucket': 'bucket',
          'http.response.status_code': 200,
          'bucketseal.policy.decision': 'allow',
          'bucketseal.policy.mode': 'enforce',
          'bucketseal.sse.requested': 'AES256',
          'bucketseal.sse.effective': 'kms orders',
          'bucketseal.sse.by': 'gateway',
        },
      });
      expect(write?.attributes['bucketseal.policy.rule']).toMatch(/policy\.yaml:\d+ bucket$/);
      expect(read).toMatchObject({ name: 'GET GetObject', attributes: { 'aws.s3.bucket': 'bucket' } });
      expect(refused?.attributes).not.toHaveProperty('aws.s3.bucket');
      const all = JSON.stringify(spans);
      for (const secret of ['personal-name', 'x-id', gateway.main.secretAccessKey, 'Signature'])
        expect(all).not.toContain(secret);
    } finally {
      await gateway.close();
    }
  });
});

function recordingTracer(spans: { name: string; attributes: Attributes; ended: boolean }[]): Tracer {
  return {
    startSpan: () => {
      throw new Error('only active spans are started here');
    },
    startActiveSpan: (name: string, options: SpanOptions, work: (span: Span) => unknown) => {
      const seen = { name, attributes: { ...options.attributes }, ended: false };
      spans.push(seen);
      const span = {
        setAttribute: (key: string, value: string | number) => {
          seen.attributes[key] = value;
        },
        updateName: (next: string) => {
          seen.name = next;
        },
        setStatus: () => undefined,
        end: () => {
          seen.ended = true;
        },
      };
      return work(span as unknown as Span);
    },
  } as unknown as Tracer;
}
