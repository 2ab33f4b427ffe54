import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createServices } from '../../src/assemble.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { rawRequest } from './raw-answers.ts';
import { startRecordingStore, type Answer, type Recorded, type Recording } from './recording-store.ts';
import { awsClient } from './s3-clients.ts';

const ARN = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const TOKEN = 'the-token-of-the-operator';
const KMS = 'x-amz-server-side-encryption';

/** A store that answers what no store should: another key each time, codes and statuses of its own making. */
const answer = ({ method, url }: Recorded): Answer => {
  const odd = randomBytes(6).toString('hex');
  if (url.includes('?policy')) return [404, {}, '<Error><Code>NoSuchBucketPolicy</Code></Error>'];
  if (method === 'PUT') return [200, { etag: '"e"', [KMS]: 'aws:kms', [`${KMS}-aws-kms-key-id`]: `${ARN}${odd}` }];
  if (method === 'HEAD') return [999, {}];
  return [599, {}, `<Error><Code>Odd${odd}</Code><Message>${odd}</Message></Error>`];
};

/** Every label of every line of a scrape, with the values it has. */
function labelsOf(scrape: string): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const [, label = '', value = ''] of scrape.matchAll(/([a-zA-Z_]+)="((?:[^"\\]|\\.)*)"/g))
    found.set(label, (found.get(label) ?? new Set()).add(value));
  return found;
}

describe('what the gateway tells of itself', () => {
  let recording: Recording;
  let gateway: TestGateway;
  let s3: S3Client;
  let admin: string;
  const authorization = `Bearer ${TOKEN}`;
  const folder = mkdtempSync(join(tmpdir(), 'telemetry-'));
  const tokenFile = join(folder, 'admin-token');
  const token = `\${file:${tokenFile}}`;
  beforeAll(async () => {
    writeFileSync(tokenFile, TOKEN, { mode: 0o600 });
    recording = await startRecordingStore(answer);
    gateway = await startGateway({
      policy: {
        version: 1,
        keys: { orders: { remote: ARN }, other: { remote: 'other' } },
        buckets: [
          { match: 'remote-*', store: 'remote', encryption: { default: { kms: 'orders' } } },
          { match: 'local-*', store: 'local', encryption: { default: 'managed', clients: 'strengthen' } },
        ],
      },
      stores: {
        remote: {
          type: 's3',
          endpoint: recording.endpoint,
          region: 'us-east-1',
          credentials: { accessKeyId: 'AKSTORE', secretAccessKey: 'the-secret-of-the-store' },
        },
      },
      clients: { temporary: { grants: [], sessionToken: 'the-session-token-of-a-client' } },
      config: { admin: { host: '127.0.0.1', port: 0, token } },
    });
    s3 = awsClient(gateway);
    admin = `http://127.0.0.1:${gateway.runtime.admin?.port ?? 0}`;
  });
  afterAll(async () => {
    await gateway?.close();
    await recording?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('labels have values that clients and stores cannot choose', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'local-a' }));
    for (let round = 0; round < 3; round++) {
      const Key = `k-${randomBytes(6).toString('hex')}`;
      const odd = randomBytes(6).toString('hex');
      const asked = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: odd } as const;
      await Promise.allSettled([
        s3.send(new PutObjectCommand({ Bucket: `remote-${odd}`, Key, Body: 'x' })),
        s3.send(new PutObjectCommand({ Bucket: `remote-${odd}`, Key, Body: 'x', ...asked })),
        s3.send(new PutObjectCommand({ Bucket: 'local-a', Key, Body: 'x' })),
        s3.send(new GetObjectCommand({ Bucket: `remote-${odd}`, Key })),
        s3.send(new GetObjectCommand({ Bucket: `none-${odd}`, Key })),
        rawRequest(`${gateway.http}/local-a/${Key}?${odd}=1`, { method: 'PROPFIND' }),
        rawRequest(`${gateway.http}/local-a/${Key}`, { method: 'PUT', headers: { 'x-amz-acl': odd }, body: 'x' }),
        rawRequest(`${gateway.http}/`, { headers: { authorization: `OSS ${odd}:${odd}` } }),
      ]);
    }
    const scrape = await (await fetch(`${admin}/metrics`)).text();
    expect(scrape).toMatch(/encryption_not_honoured_total\{[^}]*kind="kms"/);
    const labels = labelsOf(scrape);
    const closed: Readonly<Record<string, RegExp>> = {
      store: /^remote$/,
      listener: /^https?$/,
      operation: /^([A-Z][A-Za-z0-9]+|_OTHER)$/,
      kind: /^(none|managed|kms|customer|unspecified)$/,
      effect: /^(allow|deny|change)$/,
      by: /^(|store|gateway)$/,
      mode: /^(enforce|audit)$/,
      source: /^(audit|shadow)$/,
      code: /^[A-Z][A-Za-z]+(\.[A-Za-z]+)?$/,
      form: /^(sig|oss-)v\d(-[a-z]+)?$/,
      status: /^([0-5]\d\d|0|_OTHER)$/,
      http_request_method: /^(GET|HEAD|PUT|POST|DELETE|OPTIONS|_OTHER)$/,
      http_response_status_code: /^[1-5]\d\d$/,
      le: /^([\d.]+|\+Inf)$/,
      otel_scope_name: /^bucketseal$/,
    };
    const open = [...labels].flatMap(([label, values]) =>
      [...values].filter((value) => closed[label]?.test(value) !== true).map((value) => `${label}="${value}"`),
    );
    expect(open).toEqual([]);
    // Of what a round makes up nothing grows: three rounds have no more values than one has.
    expect(labels.get('kind')).toEqual(new Set(['kms', 'managed'].filter((kind) => labels.get('kind')?.has(kind))));
    expect(labels.get('code')?.size).toBeLessThan(12);
  });

  test('every secret of the configuration is removed wherever it appears, new ones from their reload on', async () => {
    const { logger, audit } = gateway.runtime.telemetry;
    const key = readFileSync(join(gateway.directory, 'tls.key'), 'utf8');
    const secrets = [
      gateway.main.secretAccessKey,
      'the-secret-of-the-store',
      'the-session-token-of-a-client',
      TOKEN,
      // Of the private key its first line of text.
      key.split('\n')[1] ?? '',
    ];
    const told = (): void => {
      logger.info({ key }, key);
      for (const secret of secrets) {
        logger.info(
          { note: `x${secret}y`, nested: [{ [`k${secret}`]: encodeURIComponent(secret) }] },
          `told ${secret}.`,
        );
        audit.write({ kind: 'configuration', requestId: '', outcome: Buffer.from(secret).toString('base64') });
      }
    };
    told();
    secrets.push('a-new-token-of-the-operator');
    writeFileSync(tokenFile, secrets.at(-1) ?? '');
    expect(await gateway.runtime.reload()).toMatchObject({ ok: true });
    told();
    await audit.flush();
    expect(gateway.log()).toContain('told [redacted].');
    for (const secret of secrets) {
      expect(gateway.log()).not.toContain(secret);
      expect(gateway.log()).not.toContain(Buffer.from(secret).toString('base64'));
    }
  });

  test('a token is read anew, and `bucketseal status` brings it', async () => {
    expect((await fetch(`${admin}/status`)).status).toBe(403);
    expect((await fetch(`${admin}/status`, { headers: { authorization } })).status).toBe(403);
    writeFileSync(tokenFile, TOKEN);
    expect(await gateway.runtime.reload()).toMatchObject({ ok: true, needsRestart: [] });
    expect((await fetch(`${admin}/status`, { headers: { authorization } })).status).toBe(200);
    const port = Number(new URL(admin).port);
    gateway.writeConfig((config) => void (config['admin'] = { port, token }));
    expect(await createServices().status(gateway.configFile)).toMatchObject({
      reachable: true,
      detail: { distrusted: 3 },
    });
    // Also from a file that has mistakes elsewhere, and with the reason where the token is wrong.
    gateway.writeConfig((config) => void (config['nonsense'] = true));
    expect(await createServices().status(gateway.configFile)).toMatchObject({ reachable: true });
    writeFileSync(tokenFile, 'a-token-that-is-not-in-force');
    expect(await createServices().status(gateway.configFile)).toEqual({
      reachable: false,
      detail: { reason: 'forbidden: the token of admin.token is needed' },
    });
  });
});
