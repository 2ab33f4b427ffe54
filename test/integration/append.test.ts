import { createRequire } from 'node:module';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Writable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { startRuntime, type Runtime } from '../../src/assemble/runtime.ts';
import { crc64Decimal, createDigests } from '../../src/wire/digests.ts';
import { writeGateway, type TestClient } from './gateway.ts';

/** The parts of ali-oss that are called here. */
interface AliOss {
  append(name: string, content: Buffer, options?: object): Promise<{ nextAppendPosition: string }>;
  get(name: string): Promise<{ content: Buffer }>;
  head(name: string): Promise<{ res: { headers: Record<string, string> } }>;
  useBucket(name: string): void;
  putBucket(name: string): Promise<unknown>;
}
const AliOss = createRequire(import.meta.url)('ali-oss') as new (options: object) => AliOss;

const BUCKET = 'orders-logs';
const KEY = 'day/1.log';

function client(runtime: Runtime, keys: TestClient): AliOss {
  const port = runtime.listening.addresses.find(({ name }) => name === 'http')?.port ?? 0;
  const oss = new AliOss({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'oss-local',
    accessKeyId: keys.accessKeyId,
    accessKeySecret: keys.secretAccessKey,
    authorizationV4: true,
    cname: true,
  });
  oss.useBucket(BUCKET);
  return oss;
}

/** A gateway on files that outlive it, with the bucket in its host map (CNAME mode). */
async function home(encryption: object) {
  const written = await writeGateway({
    policy: {
      version: 1,
      keys: { orders: { keyring: 'orders' } },
      buckets: [{ match: 'orders-*', store: 'local', encryption: { default: encryption, clients: 'strengthen' } }],
    },
    config: { cnames: { '127.0.0.1': BUCKET } },
  });
  onTestFinished(() => rmSync(written.directory, { recursive: true, force: true }));
  let made = false;
  const stop = async (runtime: Runtime): Promise<void> => {
    runtime.listening.stopAccepting();
    await runtime.listening.drain(2000);
    await runtime.listening.close();
    await runtime.close();
  };
  return {
    written,
    run: async <T>(work: (oss: AliOss) => Promise<T>): Promise<T> => {
      const runtime = await startRuntime(written.configFile, Date.now, {
        audit: new Writable({ write: (_chunk, _encoding, done) => done() }),
        log: { write: () => undefined },
      });
      try {
        const oss = client(runtime, written.main);
        if (!made) await oss.putBucket(BUCKET);
        made = true;
        return await work(oss);
      } finally {
        await stop(runtime);
      }
    },
  };
}

async function crc64(bytes: Buffer): Promise<string> {
  const digests = await createDigests(['CRC64']);
  digests.update(bytes);
  return crc64Decimal(digests.value('CRC64')!);
}

test.each([
  ['kms', { kms: 'orders' }, 'KMS'],
  ['managed', 'managed', 'AES256'],
])(
  'appends under %s read as one object, which is sealed on disk and followed by its metadata',
  async (_, rule, word) => {
    const { written, run } = await home(rule as never);
    const pieces = [randomBytes(100_000), randomBytes(1), randomBytes(300_000)];
    const whole = Buffer.concat(pieces);
    await run(async (oss) => {
      let position = 0;
      for (const [at, piece] of pieces.entries()) {
        // Later appends may say what they like: the first one decides.
        const headers = { 'x-oss-meta-owner': at === 0 ? 'first' : 'later' };
        position = Number((await oss.append(KEY, piece, { position, headers })).nextAppendPosition);
      }
      expect(position).toBe(whole.length);
      expect((await oss.get(KEY)).content.equals(whole)).toBe(true);
      const { headers } = (await oss.head(KEY)).res;
      expect(headers).toMatchObject({
        'x-oss-object-type': 'Appendable',
        'x-oss-next-append-position': String(whole.length),
        'x-oss-hash-crc64ecma': await crc64(whole),
        'x-oss-meta-owner': 'first',
        'x-oss-server-side-encryption': word,
      });
    });
    for (const piece of [pieces[0]!, pieces[2]!])
      expect(written.bytesAtRest().includes(piece.subarray(1000, 1064))).toBe(false);
  },
);

test('an append elsewhere than at the end is refused, names the end, and changes nothing', async () => {
  const { run } = await home({ kms: 'orders' });
  await run(async (oss) => {
    await oss.append(KEY, Buffer.from('hello'), { position: 0 });
    for (const position of [0, 3, 6])
      await expect(oss.append(KEY, Buffer.from('x'), { position })).rejects.toMatchObject({
        code: 'PositionNotEqualToLength',
        status: 409,
      });
    expect((await oss.get(KEY)).content.toString()).toBe('hello');
  });
});

test('of many appends at one position exactly one wins', async () => {
  const { run } = await home({ kms: 'orders' });
  await run(async (oss) => {
    await oss.append(KEY, Buffer.from('>'), { position: 0 });
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map((letter) => oss.append(KEY, Buffer.from(letter), { position: 1 })),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await oss.get(KEY)).content.toString()).toMatch(/^>[a-d]$/);
  });
});

test('a seal put back beside a newer index row is refused on GET, HEAD and append', async () => {
  const { written, run } = await home({ kms: 'orders' });
  const objects = join(written.directory, 'objects');
  const index = (): DatabaseSync => {
    const file = readdirSync(objects).find((name) => name.endsWith('.db'))!;
    return new DatabaseSync(join(objects, file));
  };
  const records = (): readonly { oid: string; record: string }[] => {
    const database = index();
    const rows = database.prepare('SELECT oid, record FROM seals').all() as { oid: string; record: string }[];
    database.close();
    return rows;
  };
  const putBack = (record: string): void => {
    const database = index();
    expect(database.prepare('UPDATE seals SET record = ?').run(record).changes).toBe(1);
    database.close();
  };

  await run((oss) => oss.append(KEY, Buffer.from('one,'), { position: 0 }));
  const [older] = records();
  await run((oss) => oss.append(KEY, Buffer.from('two'), { position: 4 }));
  const [newer] = records();
  expect(newer?.oid).toBe(older?.oid);

  // Each record was authentic once: nothing but the row can tell which of them is the newest.
  putBack(older!.record);
  await run(async (oss) => {
    await expect(oss.get(KEY)).rejects.toMatchObject({ status: 500 });
    await expect(oss.head(KEY)).rejects.toMatchObject({ status: 500 });
    await expect(oss.append(KEY, Buffer.from('three'), { position: 7 })).rejects.toMatchObject({ status: 500 });
  });
  putBack(newer!.record);
  expect((await run((oss) => oss.get(KEY))).content.toString()).toBe('one,two');
});

test('a data file put back to an earlier object of the key is refused', async () => {
  const { written, run } = await home({ kms: 'orders' });
  const data = join(written.directory, 'objects/data');
  const files = (): readonly string[] =>
    readdirSync(data, { recursive: true, encoding: 'utf8' })
      .map((name) => join(data, name))
      .filter((name) => /[0-9a-f]{32}$/.test(name));
  await run((oss) => oss.append(KEY, Buffer.from('first version'), { position: 0 }));
  const backup = readFileSync(files()[0]!);
  await run((oss) => oss.append('other', Buffer.from('other version'), { position: 0 }));
  expect(files()).toHaveLength(2);
  for (const file of files()) writeFileSync(file, backup);
  await run(async (oss) => {
    expect((await oss.get(KEY)).content.toString()).toBe('first version');
    await expect(oss.get('other')).rejects.toMatchObject({ status: 500 });
  });
});

test('an object begun in clear text takes up nothing more once the policy demands encryption', async () => {
  const { written, run } = await home('none' as never);
  await run((oss) => oss.append(KEY, Buffer.from('clear'), { position: 0 }));
  const policy = join(written.directory, 'policy.yaml');
  const before = readFileSync(policy, 'utf8');
  const after = before.replace(/default: none/, 'default: managed');
  expect(after).not.toBe(before);
  writeFileSync(policy, after);
  const secret = randomBytes(5000);
  await run(async (oss) => {
    await expect(oss.append(KEY, secret, { position: 5 })).rejects.toMatchObject({ code: 'AccessDenied', status: 403 });
    expect((await oss.get(KEY)).content.toString()).toBe('clear');
  });
  expect(written.bytesAtRest().includes(secret.subarray(1000, 1064))).toBe(false);
});
