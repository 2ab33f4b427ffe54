import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { connect } from 'node:tls';
import { CreateBucketCommand, GetObjectCommand, ListBucketsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { startGateway, writeGateway, type TestGateway, type TestOptions } from './gateway.ts';
import { awsClient } from './s3-clients.ts';

const open: TestGateway[] = [];
const start = async (options: TestOptions): Promise<TestGateway> => {
  const gateway = await startGateway({ config: { admin: { host: '127.0.0.1', port: 0 } }, ...options });
  open.push(gateway);
  return gateway;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((gateway) => gateway.close()));
});

const policyOf = (standard: unknown, more: object = {}): object => ({
  version: 1,
  keys: { orders: {}, archive: {} },
  buckets: [{ match: '*', store: 'local', encryption: { default: standard }, ...more }],
});

const admin = (gateway: TestGateway, path: string, init?: RequestInit): Promise<Response> =>
  fetch(`http://127.0.0.1:${gateway.runtime.admin?.port ?? 0}${path}`, init);

interface Status {
  readonly revision: string;
  readonly configuration: {
    readonly state: string;
    readonly needsRestart: readonly string[];
    readonly rejected?: { readonly since: string; readonly problems: readonly string[]; readonly diagnostics: unknown };
  };
}
const status = async (gateway: TestGateway): Promise<Status> =>
  (await (await admin(gateway, '/status')).json()) as Status;

describe('a change on disk', () => {
  test('takes effect by itself, without a call', async () => {
    const gateway = await start({ policy: policyOf('managed') });
    const s3 = awsClient(gateway);
    await s3.send(new CreateBucketCommand({ Bucket: 'watched' }));
    gateway.writePolicy(policyOf({ kms: 'orders' }));
    await vi.waitFor(
      async () => {
        const put = await s3.send(new PutObjectCommand({ Bucket: 'watched', Key: 'k', Body: 'x' }));
        expect(put.SSEKMSKeyId).toBe('orders');
      },
      { timeout: 10_000, interval: 100 },
    );
  });

  test('that is bad keeps the last good one, raises the gauge, and is told with its line and since when', async () => {
    const gateway = await start({ policy: policyOf('managed') });
    const s3 = awsClient(gateway);
    await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
    const good = await status(gateway);
    expect(good.configuration.state).toBe('in-force');
    writeFileSync(join(gateway.directory, 'policy.yaml'), 'version: 1\nbuckets:\n  - { match: "*", sotre: local }\n');
    const outcome = await gateway.runtime.reload();
    expect(outcome.ok).toBe(false);
    expect(await (await admin(gateway, '/metrics')).text()).toMatch(/last_reload_successful(\{[^}]*\})? 0/);
    const bad = await status(gateway);
    expect(bad.revision).toBe(good.revision);
    expect(bad.configuration.state).toBe('rejected');
    expect(bad.configuration.rejected?.problems.join('\n')).toMatch(/policy\.yaml:3:\d+ error unknown-key .*sotre/);
    const since = bad.configuration.rejected?.since ?? '';
    expect(Math.abs(Date.parse(since) - Date.now())).toBeLessThan(60_000);

    const refused = await admin(gateway, '/reload', { method: 'POST' });
    expect(refused.status).toBe(422);
    expect(((await refused.json()) as { problems: string[] }).problems.length).toBeGreaterThan(0);
    expect((await status(gateway)).configuration.rejected?.since).toBe(since);
    expect(await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'k', Body: 'x' }))).toMatchObject({
      ServerSideEncryption: 'AES256',
    });

    gateway.writePolicy(policyOf({ kms: 'archive' }));
    expect((await admin(gateway, '/reload', { method: 'POST' })).status).toBe(200);
    const mended = await status(gateway);
    expect(mended.configuration.state).toBe('in-force');
    expect(mended.revision).not.toBe(good.revision);
    expect(await (await admin(gateway, '/metrics')).text()).toMatch(/last_reload_successful(\{[^}]*\})? 1/);
    expect(await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'k', Body: 'x' }))).toMatchObject({
      SSEKMSKeyId: 'archive',
    });
    const records = (await gateway.audit())
      .filter(({ kind }) => kind === 'configuration')
      .map((line) => line['outcome']);
    expect(new Set(records)).toEqual(new Set(['rejected', 'accepted']));
  });

  test('of a certificate is presented to new connections; one that does not fit its key changes nothing', async () => {
    const gateway = await start({ policy: policyOf('managed') });
    const other = await writeGateway({ policy: policyOf('managed') });
    const presented = async (): Promise<string> =>
      await new Promise((resolve, reject) => {
        const socket = connect({ port: gateway.securePort, host: '127.0.0.1', rejectUnauthorized: false }, () => {
          resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const before = await presented();
    writeFileSync(join(gateway.directory, 'tls.crt'), readFileSync(join(other.directory, 'tls.crt')));
    const half = await gateway.runtime.reload();
    expect(half).toMatchObject({ ok: false, diagnostics: [{ code: 'bad-certificate' }] });
    expect(await presented()).toBe(before);
    // The second half of the rotation: the watch sees the key's file too.
    writeFileSync(join(gateway.directory, 'tls.key'), readFileSync(join(other.directory, 'tls.key')));
    await vi.waitFor(async () => expect(await presented()).not.toBe(before), { timeout: 10_000, interval: 100 });
    expect((await status(gateway)).configuration.state).toBe('in-force');
  });

  test('of a client’s secret, of clients and of their rights takes effect', async () => {
    const gateway = await start({ policy: policyOf('managed') });
    const s3 = awsClient(gateway);
    await s3.send(new ListBucketsCommand({}));
    const secretAccessKey = 'a-new-secret-of-some-length';
    const file = join(gateway.directory, 'secrets/main.secret');
    // As a secret is mounted: a new file takes the old one's name.
    writeFileSync(`${file}.next`, secretAccessKey, { mode: 0o600 });
    renameSync(`${file}.next`, file);
    await vi.waitFor(
      () => awsClient(gateway, { client: { ...gateway.main, secretAccessKey } }).send(new ListBucketsCommand({})),
      { timeout: 10_000, interval: 100 },
    );
    await expect(s3.send(new ListBucketsCommand({}))).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
    gateway.writeConfig((config) => {
      config['clients'] = (config['clients'] as object[]).map((client) => ({ ...client, grants: [] }));
    });
    expect((await gateway.runtime.reload()).ok).toBe(true);
    await expect(
      awsClient(gateway, { client: { ...gateway.main, secretAccessKey } }).send(
        new CreateBucketCommand({ Bucket: 'mine' }),
      ),
    ).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  test('that moves a store lets requests under way finish on the old one', async () => {
    const gateway = await start({ policy: policyOf('managed') });
    const s3 = awsClient(gateway);
    await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const body = Readable.from(
      (async function* () {
        yield Buffer.alloc(70_000, 1);
        await held;
        yield Buffer.alloc(70_000, 2);
      })(),
    );
    const put = s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'slow', Body: body, ContentLength: 140_000 }));
    await vi.waitFor(() => expect(gateway.runtime.listening.inFlight().requests).toBe(1));
    mkdirSync(join(gateway.directory, 'elsewhere'));
    gateway.writeConfig((config) => {
      config['stores'] = { local: { type: 'local', directory: './elsewhere' } };
    });
    expect((await gateway.runtime.reload()).ok).toBe(true);
    const fresh = awsClient(gateway);
    await fresh.send(new CreateBucketCommand({ Bucket: 'newer' }));
    // Back again while the first store is still in use: it is the same store, opened once.
    gateway.writeConfig((config) => {
      config['stores'] = { local: { type: 'local', directory: './objects' } };
    });
    expect((await gateway.runtime.reload()).ok).toBe(true);
    release();
    await put;
    const got = await fresh.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'slow' }));
    expect((await got.Body?.transformToByteArray())?.length).toBe(140_000);
    gateway.writeConfig((config) => {
      config['stores'] = { local: { type: 'local', directory: './elsewhere' } };
    });
    expect((await gateway.runtime.reload()).ok).toBe(true);
    const { Buckets } = await fresh.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual(['newer']);
  });

  test('of a store’s authority takes effect: a store that was not trusted is, without a restart', async () => {
    const store = await start({ policy: policyOf('managed') });
    const stranger = await writeGateway({ policy: policyOf('managed') });
    const authority = join(stranger.directory, 'store-ca.pem');
    writeFileSync(authority, stranger.certificate);
    const gateway = await start({
      policy: { version: 1, buckets: [{ match: '*', store: 'far', encryption: { default: 'store' } }] },
      stores: {
        far: {
          type: 's3',
          endpoint: store.https,
          region: 'us-east-1',
          addressing: 'path',
          ca: authority,
          credentials: store.main,
        },
      },
    });
    const s3 = awsClient(gateway);
    await expect(s3.send(new ListBucketsCommand({}))).rejects.toMatchObject({ name: 'ServiceUnavailable' });
    writeFileSync(authority, 'no certificate at all');
    expect(await gateway.runtime.reload()).toMatchObject({ ok: false, diagnostics: [{ code: 'bad-ca' }] });
    writeFileSync(authority, store.certificate);
    await vi.waitFor(() => s3.send(new ListBucketsCommand({})), { timeout: 10_000, interval: 100 });
    expect((await status(gateway)).configuration.state).toBe('in-force');
  });

  test('that only a restart can make is named, and the listeners that run keep their rules', async () => {
    const gateway = await start({ policy: policyOf('managed') });
    gateway.writeConfig((config) => {
      const [http, https] = config['listeners'] as object[];
      config['listeners'] = [{ ...http, signatures: { ossV1: 'deny', sigV2: 'deny' } }, https];
    });
    await gateway.runtime.reload();
    gateway.writeConfig((config) => {
      const [http, https] = config['listeners'] as object[];
      config['listeners'] = [
        { ...http, name: 'renamed' },
        { ...https, proxyProtocol: true },
      ];
      config['trustedProxies'] = ['127.0.0.0/8'];
    });
    expect(await gateway.runtime.reload()).toMatchObject({
      ok: true,
      needsRestart: ['listeners.http', 'listeners.https', 'listeners.renamed'],
    });
    expect((await status(gateway)).configuration.needsRestart).toContain('listeners.renamed');
    const response = await fetch(`${gateway.http}/b/k`, {
      headers: { authorization: 'OSS nobody:signature', date: new Date().toUTCString() },
    });
    // Denied for its form, before it matters who signed.
    expect(await response.text()).toContain('switched off');
  });

  test('of the policy’s name is followed, and the new file is watched from then on', async () => {
    const gateway = await start({ policy: policyOf('managed') });
    const s3 = awsClient(gateway);
    await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
    mkdirSync(join(gateway.directory, 'policies'));
    const next = join(gateway.directory, 'policies/next.yaml');
    writeFileSync(next, stringify(policyOf({ kms: 'orders' })));
    gateway.writeConfig((config) => {
      config['policy'] = './policies/next.yaml';
    });
    expect((await gateway.runtime.reload()).ok).toBe(true);
    writeFileSync(next, stringify(policyOf({ kms: 'archive' })));
    await vi.waitFor(
      async () => {
        const put = await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'k', Body: 'x' }));
        expect(put.SSEKMSKeyId).toBe('archive');
      },
      { timeout: 10_000, interval: 100 },
    );
  });
});

test('a start with a certificate that cannot be used is refused with the file’s name', async () => {
  await expect(
    startGateway({
      policy: policyOf('managed'),
      config: {
        listeners: [
          { name: 'https', host: '127.0.0.1', port: 0, tls: { certificate: './absent.crt', key: './tls.key' } },
        ],
      },
    }),
  ).rejects.toMatchObject({ name: 'BadConfiguration', diagnostics: [{ code: 'bad-certificate', level: 'ERROR' }] });
});
