import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ADDRESSINGS,
  KEY_AT,
  PART,
  SIGNATURES,
  startOssWorld,
  STORES,
  type OssWorld,
  type Seen,
  type StoreName,
} from './oss-world.ts';
import { succeed } from './command.ts';
import { python, tool } from './servers.ts';
import { throughGateway } from './store-clients.ts';

/** Alibaba's SDKs, one program each; they play the same steps and differ in how they say what they saw. */
interface Sdk {
  readonly command: (world: OssWorld) => readonly string[];
  /** The exception's name by the error's code, where the SDK has one each; else the one class of all. */
  readonly classOf: (code: string) => string;
  /** Java's exceptions carry no status. */
  readonly statuses?: false;
  /** Its HTTP library takes dot segments out of a path that the SDK has signed with them: such keys reach no endpoint. */
  readonly normalisesPaths?: true;
}

const here = (...path: readonly string[]): string => join(import.meta.dirname, 'oss', ...path);
/** What .ci/tools.sh built of the programs here. */
const built = (...path: readonly string[]): string => join(process.env['BUCKETSEAL_TOOLS'] ?? '', 'oss', ...path);
const SDKS: Readonly<Record<string, Sdk>> = {
  oss2: {
    command: () => [python(), here('python/oss2_client.py')],
    classOf: (code) => OSS2_CLASSES[code] ?? 'ServerError',
  },
  'oss-v2-python': {
    command: () => [python(), here('python/oss_v2_client.py')],
    classOf: () => 'ServiceError',
    normalisesPaths: true,
  },
  'oss-go1': { command: () => [built('oss1')], classOf: () => 'ServiceError' },
  'oss-go2': { command: () => [built('oss2')], classOf: () => 'ServiceError' },
  'oss-java': {
    command: ({ hostsFile }) => [
      'java',
      `-Djdk.net.hosts.file=${hostsFile}`,
      '-cp',
      `${built('java', '*')}:${built('java')}`,
      'OssClient',
    ],
    classOf: () => 'OSSException',
    statuses: false,
  },
};
const OSS2_CLASSES: Readonly<Record<string, string>> = {
  NoSuchKey: 'NoSuchKey',
  NoSuchBucket: 'NoSuchBucket',
  AccessDenied: 'AccessDenied',
  SignatureDoesNotMatch: 'SignatureDoesNotMatch',
  InvalidEncryptionAlgorithmError: 'InvalidEncryptionAlgorithmError',
  NotImplemented: 'NotImplemented',
  NoSuchServerSideEncryptionRule: 'NoSuchServerSideEncryptionRule',
  PositionNotEqualToLength: 'PositionNotEqualToLength',
};

/** rclone has no type of its own for OSS: its Alibaba provider speaks S3. */
const RCLONE = 'rclone';

const ODD_KEYS = [
  'a b',
  'a+b',
  'a%2Fb',
  'per%cent',
  'tilde~',
  'grüße/日本語 🙂',
  'quote\'"<&>',
  'q?x=1#frag',
  'what?',
  'tab\there',
  'folder/one',
  'folder/two',
];
/** MinIO refuses these names itself. */
const PATH_KEYS = ['a/../b', 'x//y', './dot', 'trailing/'];
function keysOf(sdk: string, store: StoreName): readonly string[] {
  const paths = PATH_KEYS.filter((key) => SDKS[sdk]?.normalisesPaths !== true || !/(^|\/)\.{1,2}\//.test(key));
  return [...ODD_KEYS, ...(store === 'minio' ? ['trailing/'] : paths)];
}
const RUNS = SIGNATURES.flatMap((signature) =>
  ADDRESSINGS.map((addressing) => ({ run: `${signature} ${addressing}`, addressing })),
);

describe("Alibaba's SDKs", () => {
  let world: OssWorld;
  beforeAll(async () => {
    world = await startOssWorld([...Object.keys(SDKS), RCLONE], keysOf);
  });
  afterAll(async () => {
    await world?.close();
  });

  describe.each(STORES)('in front of %s', (store) => {
    test('rclone as a client of Alibaba: copy, check, copy at the store, purge; S3 clients see the same encryption', async () => {
      const { main, http } = world.gateway;
      const folder = mkdtempSync(join(tmpdir(), 'rclone-'));
      const remote = `oss:${store}-${RCLONE}`;
      const env = {
        RCLONE_CONFIG: join(folder, 'none.conf'),
        RCLONE_CONFIG_OSS_TYPE: 's3',
        RCLONE_CONFIG_OSS_PROVIDER: 'Alibaba',
        RCLONE_CONFIG_OSS_ENDPOINT: http,
        RCLONE_CONFIG_OSS_FORCE_PATH_STYLE: 'true',
        RCLONE_CONFIG_OSS_ACCESS_KEY_ID: main.accessKeyId,
        RCLONE_CONFIG_OSS_SECRET_ACCESS_KEY: main.secretAccessKey,
        RCLONE_CONFIG_OSS_SERVER_SIDE_ENCRYPTION: 'aws:kms',
        RCLONE_CONFIG_OSS_SSE_KMS_KEY_ID: 'orders',
        // rclone takes an ETag for an MD5 unless it is told of KMS by more than the header.
        RCLONE_IGNORE_CHECKSUM: 'true',
        RCLONE_S3_UPLOAD_CUTOFF: '5Mi',
        RCLONE_S3_CHUNK_SIZE: '5Mi',
      };
      const rclone = (...args: readonly string[]): Promise<string> => succeed(tool('rclone'), args, { env });
      const tree = join(folder, 'tree');
      mkdirSync(join(tree, 'deep er'), { recursive: true });
      writeFileSync(join(tree, 'deep er', 'plus+per%cent ünï.txt'), 'odd');
      writeFileSync(join(tree, 'parts.bin'), randomBytes(11 * PART));
      try {
        await rclone('mkdir', remote);
        await rclone('copy', tree, `${remote}/tree`);
        await rclone('check', '--download', tree, `${remote}/tree`);
        await rclone('copyto', `${remote}/tree/parts.bin`, `${remote}/copy/parts.bin`);
        expect((await rclone('lsf', '-R', '--files-only', remote)).trim().split('\n').toSorted()).toEqual([
          'copy/parts.bin',
          'tree/deep er/plus+per%cent ünï.txt',
          'tree/parts.bin',
        ]);
        const s3 = throughGateway(world.gateway);
        for (const Key of ['copy/parts.bin', 'tree/deep er/plus+per%cent ünï.txt', 'tree/parts.bin'])
          expect(await s3.send(new HeadObjectCommand({ Bucket: `${store}-${RCLONE}`, Key }))).toMatchObject({
            ServerSideEncryption: 'aws:kms',
            SSEKMSKeyId: store === 'minio' ? KEY_AT.minio : 'orders',
          });
        await rclone('purge', remote);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });

    describe.each(Object.entries(SDKS))('%s', (name, sdk) => {
      let seen: ReadonlyMap<string, Seen>;
      beforeAll(async () => {
        seen = await world.play(name, store, sdk.command(world));
      });

      test('what it wrote is reported to an S3 client with the same meaning', async () => {
        const s3 = throughGateway(world.gateway);
        const head = (Key: string): Promise<object> =>
          s3.send(new HeadObjectCommand({ Bucket: `${store}-${name}`, Key }));
        const kms = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: store === 'minio' ? KEY_AT.minio : 'orders' };
        expect(await head('v4-path/managed')).toMatchObject({ ServerSideEncryption: 'AES256' });
        for (const key of ['kms', 'multipart', 'uploader', 'replaced'])
          expect(await head(`v4-path/${key}`), key).toMatchObject(kms);
      });

      test.each(RUNS)('$run: every step is answered as Alibaba answers it', ({ run, addressing }) => {
        const wanted = expected(world, { name, sdk, store, addressing });
        const got = seen.get(run) ?? {};
        expect(Object.keys(got)).toEqual(Object.keys(wanted));
        for (const [step, value] of Object.entries(wanted)) expect.soft(got[step], step).toEqual(value);
      });
    });
  });
});

interface Case {
  readonly name: string;
  readonly sdk: Sdk;
  readonly store: StoreName;
  readonly addressing: string;
}

/** What every SDK must see, whatever the store: one row a step. */
function expected({ content }: OssWorld, { name, sdk, store, addressing }: Case): Seen {
  const { big, uploader } = content;
  const failed = (code: string, status: number): object => ({
    class: sdk.classOf(code),
    code,
    ...(sdk.statuses === false ? {} : { status }),
  });
  // A client that speaks the store's own language is shown the store's key id.
  const key = store === 'oss' ? KEY_AT.oss : 'orders';
  const kms = { algorithm: 'KMS', key };
  const keys = keysOf(name, store);
  return {
    create: { name: `${store}-${name}`, acl: 'private' },
    put: { sha: big.sha, crc: big.crc, type: 'text/x-odd', colour: 'green', range: big.range },
    stream: { sha: big.sha },
    managed: { algorithm: 'AES256', key: null },
    kms,
    kmsDefault: { algorithm: 'KMS', named: true },
    badAlgorithm: failed('InvalidEncryptionAlgorithmError', 400),
    // An S3 store joins parts that nobody digests as a whole again: no CRC64 is better than a wrong one.
    multipart: {
      parts: [PART, PART, PART, big.size - 3 * PART],
      sha: big.sha,
      crc: store === 'minio' ? null : big.crc,
      ...kms,
    },
    partCopy: { sha: big.sha },
    ...(addressing === 'path' ? { uploader: { sha: uploader.sha, ...kms } } : {}),
    append:
      store === 'minio'
        ? { failure: failed('NotImplemented', 400) }
        : { next: 7, sha: sha('one,two'), late: failed('PositionNotEqualToLength', 409), ...kms },
    copy: { sha: big.sha, algorithm: 'AES256', colour: 'green', replaced: { ...kms, colour: 'red' } },
    list: { v1: sorted(keys), v2: sorted(keys), folders: folders(keys), bodies: sorted(keys) },
    deleteMany: { deleted: sorted(keys), left: 0 },
    encryption: {
      managed: [
        ['AES256', null],
        ['AES256', null],
      ],
      object: 'AES256',
      kms: [
        ['KMS', key],
        ['KMS', key],
      ],
      kmsObject: kms,
      after: failed('NoSuchServerSideEncryptionRule', 404),
    },
    presigned: { put: 200, get: 200, sha: big.sha, wrong: 403 },
    token: { read: 'by token', signed: [200, 'by token'] },
    errors: {
      key: failed('NoSuchKey', 404),
      head: failed('NoSuchKey', 404),
      denied: failed('AccessDenied', 403),
      signature: failed('SignatureDoesNotMatch', 403),
      ...(addressing.startsWith('cname') ? {} : { bucket: failed('NoSuchBucket', 404) }),
    },
  };
}

/** The order of Alibaba's listings: bytes of UTF-8. */
function sorted(names: readonly string[]): readonly string[] {
  return names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function folders(keys: readonly string[]): readonly string[] {
  return sorted([...new Set(keys.filter((key) => key.includes('/')).map((key) => key.slice(0, key.indexOf('/') + 1)))]);
}

function sha(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
