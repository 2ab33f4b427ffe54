import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fleet, type Fleet, type StoreUnderTest } from './fleet.ts';
import { statusOf, type At, type ConformanceClient, type Seen } from './client.ts';
import { createMatrix, writeMatrix } from './matrix.ts';

/** One client on one store. */
interface Pair {
  readonly client: ConformanceClient;
  readonly store: StoreUnderTest;
  /** A bucket whose policy demands KMS with `orders`, one with managed keys, one that leaves it to the bucket. */
  readonly kms: string;
  readonly managed: string;
  readonly open: string;
}

interface Operation {
  readonly name: string;
  /** Why this pair cannot do it; undefined: it must. */
  readonly lacks?: (pair: Pair) => string | undefined;
  readonly run: (pair: Pair) => Promise<void>;
}

const KIB = 1024;
const ORDERS: Seen = { kind: 'kms', key: 'orders' };
const MANAGED: Seen = { kind: 'managed' };

const noWishes = ({ client }: Pair): string | undefined =>
  client.declared.wishes ? undefined : 'the client’s language has no encryption headers on objects';
const noTags = ({ store }: Pair): string | undefined =>
  store.capabilities.tagging ? undefined : 'the store has no tags';

const OPERATIONS: readonly Operation[] = [
  {
    name: 'create, list and delete buckets',
    run: async ({ client, open }) => {
      const bucket = `${open}-short`;
      await client.createBucket(bucket);
      expect(await client.buckets()).toContain(bucket);
      await client.removeBucket(bucket);
      expect(await client.buckets()).not.toContain(bucket);
    },
  },
  {
    name: 'put, get, head, delete',
    run: async ({ client, kms }) => {
      const at = { bucket: kms, key: 'Ordner/ä b+c' };
      const body = randomBytes(70_000);
      const put = await client.put(at, body, { metadata: { author: 'me' } });
      expectEncryption(client, put.encryption, ORDERS);
      const got = await client.get(at);
      expect(got.body.equals(body)).toBe(true);
      expect([got.etag, got.metadata]).toEqual([put.etag, { author: 'me' }]);
      expectEncryption(client, got.encryption, ORDERS);
      const head = await client.head(at);
      expect([head.etag, head.size, head.metadata]).toEqual([put.etag, 70_000, { author: 'me' }]);
      expectEncryption(client, head.encryption, ORDERS);
      await client.remove(at);
      await client.remove(at);
      expect(await failure(client.head(at))).toBe(404);
      expect(await failure(client.get(at))).toBe(404);
    },
  },
  {
    name: 'an empty object',
    run: async ({ client, managed }) => {
      const at = { bucket: managed, key: 'empty' };
      await client.put(at, Buffer.alloc(0));
      expect((await client.get(at)).body).toHaveLength(0);
    },
  },
  {
    name: 'a stream of unknown length',
    lacks: ({ client }) => (client.declared.unknownLength ? undefined : 'the SDK wants a length'),
    run: async ({ client, kms }) => {
      const body = randomBytes(300_001);
      await client.putStream({ bucket: kms, key: 'stream' }, Readable.from([body.subarray(0, 99), body.subarray(99)]));
      expect((await client.get({ bucket: kms, key: 'stream' })).body.equals(body)).toBe(true);
    },
  },
  {
    name: 'ranges',
    run: async ({ client, kms }) => {
      const at = { bucket: kms, key: 'ranges' };
      const body = randomBytes(50_000);
      await client.put(at, body);
      for (const [range, first, end] of [
        ['bytes=0-0', 0, 1],
        ['bytes=16383-16385', 16_383, 16_386],
        ['bytes=49990-', 49_990, 50_000],
        ['bytes=-10', 49_990, 50_000],
      ] as const) {
        const part = await client.get(at, range);
        expect([range, part.status, part.body.equals(body.subarray(first, end))]).toEqual([range, 206, true]);
      }
      expect(await client.get(at, 'bytes=50000-').then(({ status }) => status, statusOf)).toBe(
        client.declared.beyondStatus,
      );
    },
  },
  {
    name: 'a write that must not overwrite',
    run: async ({ client, kms }) => {
      const at = { bucket: kms, key: 'once' };
      await client.put(at, Buffer.from('first'), { once: true });
      expect(await failure(client.put(at, Buffer.from('second'), { once: true }))).toBe(
        client.declared.overwriteStatus,
      );
      expect((await client.get(at)).body.toString()).toBe('first');
    },
  },
  ...([1, 2] as const).map((version) => ({
    name: `list, version ${version}: pages, delimiter, any key`,
    run: async ({ client, kms }: Pair) => {
      const keys = ['a/1', 'a/2', 'b', 'c d+e', 'ü/ñ'].map((key) => `list${version}/${key}`);
      for (const key of keys) await client.put({ bucket: kms, key }, Buffer.from('x'));
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await client.list(kms, version, {
          prefix: `list${version}/`,
          pageSize: 2,
          ...(after === undefined ? {} : { after }),
        });
        seen.push(...page.keys);
        after = page.next;
      } while (after !== undefined);
      expect(seen).toEqual(keys);
      const folded = await client.list(kms, version, { prefix: `list${version}/`, delimiter: '/' });
      expect(folded.prefixes).toEqual([`list${version}/a/`, `list${version}/ü/`]);
      expect(folded.keys).toEqual([`list${version}/b`, `list${version}/c d+e`]);
    },
  })),
  {
    name: 'delete many',
    run: async ({ client, kms }) => {
      const keys = ['many/1', 'many/ü +&<2>'];
      for (const key of keys) await client.put({ bucket: kms, key }, Buffer.from('x'));
      await client.removeAll(kms, [...keys, 'many/never']);
      expect((await client.list(kms, 2, { prefix: 'many/' })).keys).toEqual([]);
    },
  },
  {
    name: 'tags',
    lacks: noTags,
    run: async ({ client, kms }) => {
      const at = { bucket: kms, key: 'tags' };
      await client.put(at, Buffer.from('x'), { tags: { a: '1' } });
      expect(await client.tags(at)).toEqual({ a: '1' });
      await client.setTags(at, { team: 'red + blue' });
      expect(await client.tags(at)).toEqual({ team: 'red + blue' });
    },
  },
  {
    name: 'copy: the target’s encryption, the source’s metadata',
    run: async ({ client, kms, managed }) => {
      const from = { bucket: kms, key: 'source ü' };
      const to = { bucket: managed, key: 'target' };
      const body = randomBytes(20_000);
      await client.put(from, body, { metadata: { m: '1' } });
      await client.copy(from, to);
      const got = await client.get(to);
      expect([got.body.equals(body), got.metadata]).toEqual([true, { m: '1' }]);
      expectEncryption(client, got.encryption, MANAGED);
      expect(await failure(client.copy({ ...from, key: 'missing' }, to))).toBe(404);
    },
  },
  {
    name: 'parts: upload, replace, list, copy, complete',
    run: async ({ client, kms }) => {
      const at = { bucket: kms, key: 'parts' };
      const size = client.declared.partSize;
      const [one, two] = [randomBytes(size), randomBytes(size)];
      const source = { bucket: kms, key: 'parts source' };
      await client.put(source, two);
      const upload = await client.createUpload(at);
      await client.putPart(at, upload, 1, randomBytes(1000));
      const first = await client.putPart(at, upload, 1, one);
      const second = await client.copyPart(at, upload, 2, source, [0, size - 1]);
      const third = await client.putPart(at, upload, 3, Buffer.from('the end'));
      expect((await client.parts(at, upload)).map(([number, bytes]) => [number, bytes])).toEqual([
        [1, size],
        [2, size],
        [3, 7],
      ]);
      expect(await client.uploads(kms)).toContain('parts');
      const done = await client.complete(at, upload, [first, second, third]);
      expectEncryption(client, done.encryption, ORDERS);
      const got = await client.get(at);
      expect(got.body.equals(Buffer.concat([one, two, Buffer.from('the end')]))).toBe(true);
      expect(got.etag).toBe(done.etag);
      expectEncryption(client, got.encryption, ORDERS);
      expect((await client.list(kms, 2, { prefix: '.' })).keys).toEqual([]);
    },
  },
  {
    name: 'parts: abort',
    run: async ({ client, kms }) => {
      const at = { bucket: kms, key: 'aborted' };
      const upload = await client.createUpload(at);
      await client.putPart(at, upload, 1, randomBytes(150 * KIB));
      await client.abort(at, upload);
      expect(await failure(client.parts(at, upload))).toBe(404);
      expect(await failure(client.head(at))).toBe(404);
      expect(await client.uploads(kms)).not.toContain('aborted');
    },
  },
  {
    name: 'append',
    lacks: ({ client, store }) => {
      if (!client.declared.append) return 'the client’s language has no append';
      return store.capabilities.append ? undefined : 'the store cannot append';
    },
    run: async ({ client, kms }) => {
      const at = { bucket: kms, key: 'log' };
      expect(await client.append(at, Buffer.from('one '), 0)).toBe(4);
      expect(await client.append(at, Buffer.from('two'), 4)).toBe(7);
      expect(await failure(client.append(at, Buffer.from('x'), 1))).toBe(409);
      const got = await client.get(at);
      expect(got.body.toString()).toBe('one two');
      expectEncryption(client, got.encryption, ORDERS);
    },
  },
  {
    name: 'presigned URLs',
    run: async ({ client, store, kms }) => {
      const at = { bucket: kms, key: 'presigned' };
      const put = await store.fetch(await client.presigned('PUT', at), { method: 'PUT', body: Buffer.from('by url') });
      expect(put.status).toBe(200);
      const url = await client.presigned('GET', at);
      const got = await store.fetch(url);
      expect([got.status, got.body.toString()]).toEqual([200, 'by url']);
      expect((await store.fetch(url.replace('presigned', 'parts'))).status).toBe(403);
    },
  },
  {
    name: 'wishes on put, copy and parts',
    lacks: noWishes,
    run: async ({ client, managed, open }) => {
      const at = (key: string): At => ({ bucket: managed, key });
      await client.put(at('wish put'), Buffer.from('x'), { wish: ORDERS });
      await client.copy(at('wish put'), at('wish copy'), ORDERS);
      const upload = await client.createUpload(at('wish parts'), ORDERS);
      const etag = await client.putPart(at('wish parts'), upload, 1, Buffer.from('x'));
      await client.complete(at('wish parts'), upload, [etag]);
      for (const key of ['wish put', 'wish copy', 'wish parts'])
        expectEncryption(client, (await client.head(at(key))).encryption, ORDERS);
      await client.put({ bucket: open, key: 'wish' }, Buffer.from('x'), { wish: MANAGED });
      expectEncryption(client, (await client.head({ bucket: open, key: 'wish' })).encryption, MANAGED);
    },
  },
  {
    name: 'a wish that the policy refuses writes nothing',
    lacks: noWishes,
    run: async ({ client, managed }) => {
      const at = { bucket: managed, key: 'refused' };
      expect(await failure(client.put(at, Buffer.from('x'), { wish: { kind: 'kms', key: 'archive' } }))).toBe(403);
      expect(await failure(client.head(at))).toBe(404);
    },
  },
  {
    name: 'the rule of a bucket',
    run: async ({ client, open }) => {
      const { rules, namedKeys } = client.declared;
      for (const kind of rules) {
        const rule: Seen = kind === 'kms' && namedKeys ? ORDERS : { kind };
        await client.setRule(open, rule);
        expectEncryption(client, await client.rule(open), rule);
        await client.put({ bucket: open, key: 'ruled' }, Buffer.from('x'));
        expectEncryption(client, (await client.head({ bucket: open, key: 'ruled' })).encryption, rule);
        await client.removeRule(open);
        await client.put({ bucket: open, key: 'ruled' }, Buffer.from('x'));
        expectEncryption(client, (await client.head({ bucket: open, key: 'ruled' })).encryption, { kind: 'none' });
      }
    },
  },
  {
    name: 'a rule that the policy owns',
    run: async ({ client, kms, managed }) => {
      expectEncryption(client, await client.rule(kms), ORDERS);
      // Managed keys where the policy demands KMS, or the other way round: whichever the language can say.
      if (client.declared.rules.includes('managed')) expect(await failure(client.setRule(kms, MANAGED))).toBe(403);
      else expect(await failure(client.setRule(managed, { kind: 'kms' }))).toBe(403);
      expect(await failure(client.removeRule(kms))).toBe(403);
      expectEncryption(client, await client.rule(kms), ORDERS);
    },
  },
];

const UNDER_TEST = fleet();
const matrix = createMatrix(UNDER_TEST.columns);
let running: Fleet;
beforeAll(async () => {
  running = await UNDER_TEST.start();
});
afterAll(async () => {
  await running.close();
  writeMatrix(resolve(import.meta.dirname, '../../report/matrix.md'), 'Client × store × operation', matrix);
  console.log(matrix.render());
});

describe.each(UNDER_TEST.pairs)('$client on $store', ({ client, store, column }) => {
  let pair: Pair;
  beforeAll(async () => {
    const bucket = (kind: string): string => `${store}-${kind}-${client}`;
    pair = {
      client: running.client(client),
      store: running.store(store, client),
      kms: bucket('kms'),
      managed: bucket('managed'),
      open: bucket('open'),
    };
    for (const kind of ['kms', 'managed', 'open']) await pair.client.createBucket(bucket(kind));
  });

  test.for(OPERATIONS)('$name', async ({ name, lacks, run }, { skip }) => {
    const reason = lacks?.(pair);
    matrix.set(name, column, reason === undefined ? 'fail' : { skipped: reason });
    if (reason !== undefined) skip(reason);
    await run(pair);
    matrix.set(name, column, 'pass');
  });
});

/** The kind, and the key under any of its names: the store's own id or the policy's alias. */
function expectEncryption(client: ConformanceClient, seen: Seen, expected: Seen): void {
  const key = seen.key?.replace(/^cmk-/, '');
  const wanted = client.declared.namedKeys ? expected : { kind: expected.kind };
  // A language without a word for managed keys shows nothing of them.
  const shown = expected.kind === 'managed' && !client.declared.rules.includes('managed') ? undefined : wanted;
  if (shown !== undefined) expect({ kind: seen.kind, ...(key === undefined ? {} : { key }) }).toEqual(shown);
  else expect(seen.kind).not.toBe('none');
}

async function failure(work: Promise<unknown>): Promise<number> {
  return await work.then(() => 200, statusOf);
}
