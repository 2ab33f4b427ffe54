import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Writable } from 'node:stream';
import {
  CompleteMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketEncryptionCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { expect, onTestFinished, test } from 'vitest';
import { startRuntime, type Runtime } from '../../src/assemble/runtime.ts';
import { writeGateway, type TestGateway, type WrittenGateway } from './gateway.ts';
import { ossClient } from './oss-clients.ts';
import { awsClient } from './s3-clients.ts';

const RELEASE = resolve(import.meta.dirname, '../vectors/store-0.1.0');

interface Content {
  readonly customerKey: string;
  /** Key → SHA-256. */
  readonly objects: Readonly<Record<string, string>>;
  readonly uploads: Readonly<
    Record<string, { readonly uploadId: string; readonly etag: string; readonly sha256: string }>
  >;
  readonly policy: object;
}
const CONTENT = JSON.parse(readFileSync(join(RELEASE, 'content.json'), 'utf8')) as Content;
const KEY = Buffer.from(CONTENT.customerKey, 'base64');
const CUSTOMER = {
  SSECustomerAlgorithm: 'AES256',
  SSECustomerKey: CONTENT.customerKey,
  SSECustomerKeyMD5: createHash('md5').update(KEY).digest('base64'),
};
const POLICY = {
  version: 1,
  keys: { orders: { keyring: 'orders' } },
  defaults: { encryption: { accept: ['managed', { kms: 'orders' }, { kms: 'default' }, 'customer'] } },
  buckets: [
    {
      match: 'mixed',
      store: 'local',
      encryption: { default: 'managed', clients: 'choose' },
      prefixes: [{ prefix: 'plain/', encryption: { default: 'none' } }],
    },
    { match: 'ruled', store: 'local', encryption: { default: 'store', clients: 'choose' } },
  ],
};

/** A gateway's files around the directory and the keyring that release 0.1.0 left. */
async function upgraded(): Promise<WrittenGateway> {
  const written = await writeGateway({ policy: POLICY });
  onTestFinished(() => rmSync(written.directory, { recursive: true, force: true }));
  putRelease(written.directory);
  cpSync(join(RELEASE, 'keyring.json'), join(written.directory, 'keyring.json'));
  chmodSync(join(written.directory, 'keyring.json'), 0o600);
  return written;
}

function putRelease(directory: string): void {
  cpSync(join(RELEASE, 'objects'), join(directory, 'objects'), { recursive: true });
}

async function running<T>(written: WrittenGateway, work: (gateway: TestGateway) => Promise<T>): Promise<T> {
  const sink = { write: () => undefined };
  const runtime: Runtime = await startRuntime(written.configFile, Date.now, {
    audit: new Writable({ write: (_chunk, _encoding, done) => done() }),
    log: sink,
  });
  const portOf = (name: string): number =>
    runtime.listening.addresses.find((address) => address.name === name)?.port ?? 0;
  const [port, securePort] = [portOf('http'), portOf('https')];
  const gateway = {
    ...written,
    http: `http://127.0.0.1:${port}`,
    https: `https://127.0.0.1:${securePort}`,
    port,
    securePort,
    runtime,
  } as TestGateway;
  try {
    return await work(gateway);
  } finally {
    runtime.listening.stopAccepting();
    await runtime.listening.drain(2000);
    await runtime.listening.close();
    await runtime.close();
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function read(gateway: TestGateway, Key: string, more: object = {}, Bucket = 'mixed'): Promise<string> {
  const { Body } = await awsClient(gateway, { secure: true }).send(new GetObjectCommand({ Bucket, Key, ...more }));
  return sha256((await Body?.transformToByteArray()) ?? Buffer.alloc(0));
}

test('a data directory of release 0.1.0 opens, reads and goes on', async () => {
  const written = await upgraded();
  for (const round of [1, 2]) {
    await running(written, async (gateway) => {
      const s3 = awsClient(gateway, { secure: true });
      for (const [key, hash] of Object.entries(CONTENT.objects))
        expect(await read(gateway, key, key === 'customer' ? CUSTOMER : {}), key).toBe(hash);
      const head = await s3.send(new HeadObjectCommand({ Bucket: 'mixed', Key: 'managed' }));
      expect(head).toMatchObject({
        ServerSideEncryption: 'AES256',
        ContentType: 'text/plain',
        Metadata: { colour: 'green' },
      });
      expect(await s3.send(new HeadObjectCommand({ Bucket: 'mixed', Key: 'kms' }))).toMatchObject({
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: 'orders',
      });
      const { TagSet } = await s3.send(new GetObjectTaggingCommand({ Bucket: 'mixed', Key: 'managed' }));
      expect(TagSet).toEqual([{ Key: 'team', Value: 'orders' }]);
      const listed = await s3.send(new ListObjectsV2Command({ Bucket: 'mixed' }));
      expect(listed.Contents?.map(({ Key }) => Key)).toEqual(expect.arrayContaining(Object.keys(CONTENT.objects)));
      const rule = await s3.send(new GetBucketEncryptionCommand({ Bucket: 'ruled' }));
      expect(rule.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault).toEqual({
        SSEAlgorithm: 'aws:kms',
        KMSMasterKeyID: 'orders',
      });
      const { Policy } = await s3.send(new GetBucketPolicyCommand({ Bucket: 'ruled' }));
      expect(JSON.parse(Policy ?? '')).toEqual(CONTENT.policy);
      await expect(s3.send(new DeleteObjectCommand({ Bucket: 'ruled', Key: 'kept/x' }))).rejects.toMatchObject({
        name: 'AccessDenied',
      });
      if (round === 2) return;
      for (const [Key, { uploadId: UploadId, etag: ETag, sha256: hash }] of Object.entries(CONTENT.uploads)) {
        const upload = { Bucket: 'mixed', Key, UploadId };
        expect((await s3.send(new ListPartsCommand(upload))).Parts).toHaveLength(1);
        await s3.send(
          new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }),
        );
        expect(await read(gateway, Key, Key === 'begun-customer' ? CUSTOMER : {})).toBe(hash);
      }
      const oss = ossClient(gateway, { bucket: 'mixed' });
      const appended = await oss.append('more', Buffer.from('one'));
      expect(appended.nextAppendPosition).toBe('3');
      await oss.append('more', Buffer.from('two'), { position: '3' });
      await s3.send(new PutObjectCommand({ Bucket: 'ruled', Key: 'new', Body: 'new' }));
      await s3.send(new DeleteObjectCommand({ Bucket: 'mixed', Key: 'none' }));
      // What the old release appended to is appended to.
      await oss.append('log', Buffer.from('a third line\n'), { position: '22' });
      expect((await oss.get('log')).content.toString()).toBe('one line\nanother line\na third line\n');
      await oss.delete('log');
      await oss.append('log', Buffer.from('one line\n'));
      await oss.append('log', Buffer.from('another line\n'), { position: '9' });
    });
    expect(existsSync(join(written.directory, 'objects/quarantine'))).toBe(false);
  }
});

test('an index of release 0.1.0 is taken once: put back later, it is refused, and nothing is touched', async () => {
  const written = await upgraded();
  await running(written, (gateway) => read(gateway, 'kms'));
  const objects = join(written.directory, 'objects');
  const data = (): readonly string[] =>
    readdirSync(join(objects, 'data'), { recursive: true, encoding: 'utf8' }).sort();
  const before = data();
  const refused = async (): Promise<string> => {
    const failure = await running(written, () => Promise.resolve('started')).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'ServiceUnavailable' });
    expect((failure as Error).message).toContain(join(objects, 'index.db'));
    expect(data()).toEqual(before);
    return (failure as Error).message;
  };
  const oldIndex = (): void => {
    for (const name of readdirSync(objects).filter((name) => name.startsWith('index.db'))) rmSync(join(objects, name));
    cpSync(join(RELEASE, 'objects/index.db'), join(objects, 'index.db'));
  };

  oldIndex();
  expect(await refused()).toMatch(/of an older release than the store/);

  // Somebody who may write there can take the whole directory back to that time, with an edited index; not the keyring.
  rmSync(objects, { recursive: true });
  putRelease(written.directory);
  const index = new DatabaseSync(join(objects, 'index.db'));
  index.exec(`UPDATE objects SET encryption = '{"kind":"none"}'`);
  index.close();
  expect(await refused()).toMatch(/authenticated an index in .* before/);

  // At another place it is one that nobody has seen.
  written.writeConfig((config) => {
    config['stores'] = { local: { type: 'local', directory: './elsewhere' } };
  });
  cpSync(join(RELEASE, 'objects'), join(written.directory, 'elsewhere'), { recursive: true });
  expect(await running(written, (gateway) => read(gateway, 'kms'))).toBe(CONTENT.objects['kms']);
});

test('a directory of release 0.1.0 with the index of another, or with none, is not taken', async () => {
  const written = await upgraded();
  const objects = join(written.directory, 'objects');
  const index = join(objects, 'index.db');
  const refused = async (): Promise<string> => {
    const before = readdirSync(join(objects, 'data'), { recursive: true }).length;
    const failure = await running(written, () => Promise.resolve('started')).catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({ code: 'ServiceUnavailable' });
    expect(readdirSync(join(objects, 'data'), { recursive: true })).toHaveLength(before);
    return (failure as Error).message;
  };
  const other = new DatabaseSync(index);
  other.exec(`UPDATE files SET id = lower(hex(randomblob(16)))`);
  other.close();
  expect(await refused()).toMatch(/Is it the index of another directory\?/);
  rmSync(index);
  expect(await refused()).toMatch(/index\.db is missing, while data lies in/);
  writeFileSync(index, '');
  expect(await refused()).toMatch(/index\.db is empty, while data lies in/);
  cpSync(join(RELEASE, 'objects/index.db'), index);
  expect(await running(written, (gateway) => read(gateway, 'kms'))).toBe(CONTENT.objects['kms']);
});

test('an index that another keyring has written is not taken over', async () => {
  const written = await upgraded();
  rmSync(join(written.directory, 'keyring.json'));
  const failure = await running(written, () => Promise.resolve('started')).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code: 'ServiceUnavailable',
    message: expect.stringMatching(/does not open with this keyring/) as string,
  });
  cpSync(join(RELEASE, 'keyring.json'), join(written.directory, 'keyring.json'));
  chmodSync(join(written.directory, 'keyring.json'), 0o600);
  expect(await running(written, (gateway) => read(gateway, 'kms'))).toBe(CONTENT.objects['kms']);
});
