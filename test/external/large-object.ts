import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { stringify } from 'yaml';
import { freePort, startMinio } from './servers.ts';

/**
 * Puts and gets one object of `BUCKETSEAL_LARGE_GIB` (5) GiB through a gateway under a 192 MiB heap, to the embedded
 * store (sealed) and to MinIO, and reports the gateway's peak resident memory. Fails over the budget or on one wrong byte.
 */
const SIZE = Number(process.env['BUCKETSEAL_LARGE_GIB'] ?? 5) * 1024 ** 3;
const HEAP_MIB = 192;
/** Heap, code, and buffers in flight: far below the object, and the same for any object. */
const RSS_BUDGET_MIB = 450;
const BLOCK = randomBytes(1024 * 1024);

const minio = await startMinio({ kms: true });
const directory = mkdtempSync(join(tmpdir(), 'large-'));
const port = await freePort();
const keys = {
  accessKeyId: `AK${randomBytes(9).toString('hex').toUpperCase()}`,
  secretAccessKey: randomBytes(30).toString('base64url'),
};
for (const [name, value] of Object.entries({
  id: keys.accessKeyId,
  secret: keys.secretAccessKey,
  sid: minio.accessKeyId,
  ssecret: minio.secretAccessKey,
}))
  writeFileSync(join(directory, name), value, { mode: 0o600 });
writeFileSync(
  join(directory, 'gateway.yaml'),
  stringify({
    version: 1,
    listeners: [{ name: 'http', host: '127.0.0.1', port }],
    stores: {
      local: { type: 'local', directory: './objects' },
      minio: {
        type: 's3',
        endpoint: minio.endpoint,
        region: 'us-east-1',
        addressing: 'path',
        credentials: { accessKeyId: '${file:./sid}', secretAccessKey: '${file:./ssecret}' },
      },
    },
    keyring: { type: 'local', file: './keyring.json' },
    clients: [
      {
        accessKeyId: '${file:./id}',
        secretAccessKey: '${file:./secret}',
        grants: [{ buckets: ['*'], actions: ['read', 'write', 'delete', 'list', 'configure'] }],
        keys: ['*'],
      },
    ],
    policy: './policy.yaml',
  }),
);
writeFileSync(
  join(directory, 'policy.yaml'),
  stringify({
    version: 1,
    keys: { big: { minio: 'my-key' } },
    buckets: [
      { match: 'minio-*', store: 'minio', encryption: { default: { kms: 'big' } } },
      { match: '*', store: 'local', encryption: { default: { kms: 'big' } } },
    ],
  }),
);
const gateway = spawn(
  process.execPath,
  [
    `--max-old-space-size=${HEAP_MIB}`,
    resolve(import.meta.dirname, '../../src/main.ts'),
    'serve',
    '--config',
    join(directory, 'gateway.yaml'),
  ],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
let failed = false;
try {
  await new Promise<void>((done, fail) => {
    gateway.stdout.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('listens')) done();
    });
    gateway.once('exit', (code) => fail(new Error(`the gateway ended with ${code}`)));
  });
  const s3 = new S3Client({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: keys,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: new NodeHttpHandler({ requestTimeout: 600_000 }),
  });
  for (const Bucket of ['local-large', 'minio-large']) {
    await s3.send(new CreateBucketCommand({ Bucket }));
    const sent = { crc: 0 };
    const began = Date.now();
    await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: 'large',
        Body: Readable.from(blocks(sent), { objectMode: false, highWaterMark: 1 << 20 }),
        ContentLength: SIZE,
      }),
    );
    const put = Date.now();
    const { Body, ServerSideEncryption } = await s3.send(new GetObjectCommand({ Bucket, Key: 'large' }));
    let [crc, size] = [0, 0];
    for await (const chunk of Body as Readable) {
      crc = crc32(chunk as Buffer, crc);
      size += (chunk as Buffer).length;
    }
    const got = Date.now();
    const rss = peakRss();
    const ok = crc === sent.crc && size === SIZE && ServerSideEncryption === 'aws:kms' && rss <= RSS_BUDGET_MIB;
    failed ||= !ok;
    const speed = (ms: number): string => `${Math.round(SIZE / 1024 ** 2 / (ms / 1000))} MiB/s`;
    console.log(
      `${ok ? 'ok' : 'FAILED'}: ${SIZE} bytes, ${Bucket}: put ${speed(put - began)}, get ${speed(got - put)}, peak RSS ${rss} MiB under a ${HEAP_MIB} MiB heap`,
    );
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'large' }));
  }
} finally {
  gateway.removeAllListeners('exit');
  gateway.kill('SIGTERM');
  await new Promise((done) => gateway.once('exit', done));
  await minio.close();
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

/** Blocks that all differ, so that swapped or repeated ones show. */
function* blocks(sent: { crc: number }): Generator<Buffer> {
  for (let left = SIZE, index = 0; left > 0; index++) {
    const block = Buffer.from(BLOCK.subarray(0, Math.min(left, BLOCK.length)));
    block.writeUInt32BE(index, 0);
    sent.crc = crc32(block, sent.crc);
    left -= block.length;
    yield block;
  }
}

function peakRss(): number {
  const status = readFileSync(`/proc/${gateway.pid ?? 0}/status`, 'utf8');
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 'NaN') / 1024);
}
