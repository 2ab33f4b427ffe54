import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bodyOf, startScriptedStore, type ScriptedStore } from '../faults/scripted-store.ts';
import { succeed } from './command.ts';
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { python } from './servers.ts';

const here = (...path: readonly string[]): string => join(import.meta.dirname, 'oss', ...path);
/** What .ci/tools.sh built of the programs here. */
const built = (...path: readonly string[]): string => join(process.env['BUCKETSEAL_TOOLS'] ?? '', 'oss', ...path);

/** Alibaba's SDKs; ali-oss is driven in `npm test`. */
const SDKS: readonly (readonly [name: string, command: readonly string[], failed: object])[] = [
  ['oss2', [python(), here('python/oss2_client.py')], { code: 'InternalError', status: 500 }],
  ['alibabacloud-oss-v2', [python(), here('python/oss_v2_client.py')], { code: 'InternalError', status: 500 }],
  ['the first Go SDK', [built('oss1')], { code: 'InternalError', status: 500 }],
  ['the second Go SDK', [built('oss2')], { code: 'InternalError', status: 500 }],
  ['the Java SDK', ['java', '-cp', `${built('java', '*')}:${built('java')}`, 'OssClient'], { code: 'InternalError' }],
];

/** After 10 s the gateway begins to answer S3 clients. */
const LATE_MS = 12_000;
/** Three calls, some tried three times by their SDK. */
const TEST_MS = 300_000;
const ETAG = '"11111111111111111111111111111111"';

describe.concurrent('a copy, a part copy and a Complete that fail after 12 s are errors to', () => {
  let store: ScriptedStore;
  let gateway: GatewayProcess;
  const folder = mkdtempSync(join(tmpdir(), 'late-'));
  beforeAll(async () => {
    store = await startScriptedStore();
    store.follow(async (incoming, res) => {
      await bodyOf(incoming);
      if (incoming.method === 'POST' && incoming.url?.includes('?uploads') === true) {
        const id = randomBytes(8).toString('hex');
        res
          .writeHead(200)
          .end(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
        return;
      }
      await new Promise((done) => setTimeout(done, LATE_MS));
      // As S3 stores fail late: inside a 200.
      res
        .writeHead(200)
        .end('<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>');
    });
    gateway = await startGatewayProcess({
      policy: { version: 1, buckets: [{ match: '*', store: 'scripted', encryption: { default: 'none' } }] },
      stores: {
        scripted: {
          type: 's3',
          endpoint: store.endpoint,
          region: 'us-east-1',
          // Parts of OSS clients go as they are.
          capabilities: { minimumPartSize: '100KiB' },
          credentials: { accessKeyId: 'AKSTORE', secretAccessKey: randomBytes(20).toString('hex') },
        },
      },
    });
  });
  afterAll(async () => {
    await gateway?.close();
    await store?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(SDKS)(
    '%s',
    async (name, [program = '', ...args], failed) => {
      const keys = { id: gateway.main.accessKeyId, secret: gateway.main.secretAccessKey };
      const run = {
        name: 'late',
        signature: 'v4',
        addressing: 'path',
        endpoint: gateway.http,
        bucket: 'bucket-a',
        prefix: `${name.replaceAll(' ', '-')}/`,
        etag: ETAG,
        credentials: keys,
      };
      const file = join(folder, `${name.replaceAll(' ', '-')}.json`);
      writeFileSync(file, JSON.stringify({ late: true, runs: [run] }));
      const lines = (await succeed(program, [...args, file])).split('\n');
      const seen = lines
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as { readonly step: string; readonly seen: object });
      expect(seen).toEqual(
        ['copy', 'partCopy', 'complete'].map((step) =>
          expect.objectContaining({ step, seen: expect.objectContaining(failed) }),
        ),
      );
    },
    TEST_MS,
  );
});
