import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetBucketPolicyCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startGatewayProcess, type GatewayProcess } from '../external/gateway-process.ts';
import { startGateway, writeGateway, type TestGateway } from './gateway.ts';
import { awsClient } from './s3-clients.ts';

const POLICY = {
  version: 1,
  keys: { orders: { keyring: 'orders' } },
  buckets: [
    {
      match: '*',
      store: 'local',
      encryption: { default: { kms: 'orders' }, clients: 'choose' },
      prefixes: [{ prefix: 'plain/', encryption: { default: 'none' } }],
    },
  ],
};
const MAIN = resolve(import.meta.dirname, '../../src/main.ts');
const FAILED = { $metadata: { httpStatusCode: 500 } };

describe('rows of the index that somebody edited', () => {
  let gateway: TestGateway;
  let s3: S3Client;
  let upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string };
  let etag: string | undefined;

  beforeAll(async () => {
    gateway = await startGateway({ policy: POLICY });
    s3 = awsClient(gateway);
    await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
    for (const Key of ['one', 'two'])
      await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key, Body: Key, Metadata: { colour: 'green' } }));
    const begun = { Bucket: 'bucket', Key: 'film' };
    const { UploadId = '' } = await s3.send(new CreateMultipartUploadCommand(begun));
    upload = { ...begun, UploadId };
    ({ ETag: etag } = await s3.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: 'x' })));
    return () => gateway.close();
  });

  /** Stops the gateway's store by a reload, edits its index, and lets the gateway go on; undone when the test ends. */
  async function edit(sql: string): Promise<void> {
    const directory = join(gateway.directory, 'objects');
    const elsewhere = async (path: string): Promise<void> => {
      gateway.writeConfig((config) => {
        config['stores'] = { local: { type: 'local', directory: path } };
      });
      expect(await gateway.runtime.reload()).toMatchObject({ ok: true });
    };
    const index = join(directory, 'index.db');
    await elsewhere('./parked');
    const before = readFileSync(index);
    const database = new DatabaseSync(index);
    expect(Number(database.prepare(sql).run().changes)).toBeGreaterThan(0);
    database.close();
    await elsewhere('./objects');
    onTestFinished(async () => {
      await elsewhere('./parked');
      writeFileSync(index, before);
      await elsewhere('./objects');
    });
  }

  const at = { Bucket: 'bucket', Key: 'one' };
  test.each([
    ['kms that became none', `UPDATE objects SET encryption = '{"kind":"none"}'`],
    ['metadata', `UPDATE objects SET metadata = replace(metadata, 'green', 'black')`],
    ['names', `UPDATE objects SET key = CAST('oneone' AS BLOB) WHERE key = CAST('one' AS BLOB)`],
  ])('objects: %s', async (name, sql) => {
    await edit(sql);
    const where = name === 'names' ? { Bucket: 'bucket', Key: 'oneone' } : at;
    await expect(s3.send(new HeadObjectCommand(where))).rejects.toMatchObject(FAILED);
    await expect(s3.send(new GetObjectCommand(where))).rejects.toMatchObject(FAILED);
    await expect(
      s3.send(new GetObjectAttributesCommand({ ...where, ObjectAttributes: ['ObjectSize'] })),
    ).rejects.toMatchObject(FAILED);
    await expect(
      s3.send(new CopyObjectCommand({ Bucket: 'bucket', Key: 'copy', CopySource: `bucket/${where.Key}` })),
    ).rejects.toMatchObject(FAILED);
    await expect(s3.send(new ListObjectsV2Command({ Bucket: 'bucket' }))).rejects.toMatchObject(FAILED);
  });

  test('a planted row whose encryption says kms and that has no seal', async () => {
    await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'plain/x', Body: 'in clear' }));
    await edit(
      `UPDATE objects SET key = CAST('planted' AS BLOB), encryption = '{"kind":"kms","key":"orders","algorithm":"AES256","layers":1}' WHERE key = CAST('plain/x' AS BLOB)`,
    );
    const planted = { Bucket: 'bucket', Key: 'planted' };
    await expect(s3.send(new HeadObjectCommand(planted))).rejects.toMatchObject(FAILED);
    await expect(s3.send(new GetObjectCommand(planted))).rejects.toMatchObject(FAILED);
  });

  test('an upload that would complete weaker', async () => {
    await edit(`UPDATE uploads SET encryption = '{"kind":"none"}'`);
    const complete = { ...upload, MultipartUpload: { Parts: [{ PartNumber: 1, ETag: etag }] } };
    await expect(s3.send(new CompleteMultipartUploadCommand(complete))).rejects.toMatchObject(FAILED);
    await expect(s3.send(new UploadPartCommand({ ...upload, PartNumber: 2, Body: 'y' }))).rejects.toMatchObject(FAILED);
  });

  test('a stored policy that is gone', async () => {
    const deny = { Effect: 'Deny', Principal: '*', Action: 's3:DeleteObject', Resource: 'arn:aws:s3:::bucket/*' };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [deny] });
    await s3.send(new PutBucketPolicyCommand({ Bucket: 'bucket', Policy }));
    await edit(`UPDATE buckets SET policy = NULL`);
    await expect(s3.send(new GetBucketPolicyCommand({ Bucket: 'bucket' }))).rejects.toMatchObject(FAILED);
    await expect(s3.send(new PutObjectCommand({ ...at, Body: 'x' }))).rejects.toMatchObject(FAILED);
  });
});

describe('a gateway', () => {
  test('does not start where data lies without its index, says which, and exits with 5', async () => {
    const gateway = await startGateway({ policy: POLICY });
    const s3 = awsClient(gateway);
    await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
    await s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'k', Body: 'x' }));
    const written = await writeGateway({ policy: POLICY });
    onTestFinished(async () => {
      rmSync(written.directory, { recursive: true, force: true });
      await gateway.close();
    });
    const directory = join(gateway.directory, 'objects');
    written.writeConfig((config) => {
      config['stores'] = { local: { type: 'local', directory } };
    });
    const serve = (): Promise<{ readonly code: number | string | null | undefined; readonly err: string }> =>
      new Promise((done) => {
        execFile(
          process.execPath,
          [MAIN, 'serve', '--config', written.configFile],
          { timeout: 30_000 },
          (error, _out, err) => done({ code: error?.code, err }),
        );
      });
    const inUse = await serve();
    expect([inUse.code, inUse.err]).toEqual([5, expect.stringMatching(/in use by another process/)]);
    await gateway.runtime.close();
    rmSync(join(directory, 'index.db'));
    const { code, err } = await serve();
    expect(code).toBe(5);
    expect(err).toContain(`bucketseal: The index ${join(directory, 'index.db')} is missing, while data lies in`);
  });

  test('tells of its quarantine in `bucketseal status`', async () => {
    const gateway: GatewayProcess = await startGatewayProcess({ policy: POLICY });
    onTestFinished(() => gateway.close());
    const status = (): Promise<string> =>
      new Promise((done) => {
        execFile(
          process.execPath,
          [MAIN, 'status', '--config', join(gateway.directory, 'gateway.yaml')],
          (_error, out) => done(out),
        );
      });
    expect(await status()).toMatch(/"quarantine":\{"files":0,"bytes":0,"names":\[\]\}/);
    const parked = join(gateway.directory, 'other');
    const unknown = 'ab'.repeat(16);
    mkdirSync(join(parked, 'quarantine/2026-11-30'), { recursive: true });
    writeFileSync(join(parked, 'quarantine/2026-11-30', unknown), 'whose');
    gateway.writeConfig((config) => {
      config['stores'] = { local: { type: 'local', directory: './other' } };
    });
    await gateway.reload();
    await expect
      .poll(status, { timeout: 20_000 })
      .toContain(`"quarantine":{"files":1,"bytes":5,"names":["${unknown}"],"oldest":"2026-11-30"}`);
  });
});
