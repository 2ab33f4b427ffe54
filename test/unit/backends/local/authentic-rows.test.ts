import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import type { LocalStore } from '../../../../src/backends/local/store.ts';
import type { StoreKeyId } from '../../../../src/model/encryption.ts';
import type { SealRecord } from '../../../../src/model/seal.ts';
import {
  BODY,
  codeOf,
  columnCipher,
  get,
  openStore,
  openWithBucket,
  plainContent,
  put,
  run,
  sealedContent,
  sealedPart,
  sealHeader,
  temporaryDirectory,
  WHOLE_READ,
  WHOLE_WRITE,
} from './support.ts';

const PHOTOS = { bucket: 'photos' } as const;
const LIST = { operation: 'ListObjects', ...PHOTOS, prefix: '', delimiter: '', maxKeys: 1000, marker: '' } as const;
const RULE = { kind: 'kms', key: 'orders' as StoreKeyId, algorithm: 'AES256', layers: 1 } as const;

let directory: string;
/** The upload that became `parts`. */
let completed: string;
const columns = columnCipher();

function sealed(text: string, mode: 'kms' | 'managed' = 'kms') {
  const plain = Buffer.from(text);
  const parts = [sealedPart(plain)];
  const header = sealHeader(mode === 'kms' ? {} : { mode, keyAlias: '' });
  const seal: SealRecord = { ...header, parts, size: plain.length, sealedMeta: '', mac: `mac of ${text}` };
  return sealedContent(plain, ({ digests }) => ({ digests, etag: 'e', seal }));
}

/** Objects `plain`, `kms`, `managed`, `parts` and `film` (an upload under KMS); a bucket with a rule and a policy. */
beforeEach(async () => {
  directory = await temporaryDirectory();
  const store = await openWithBucket({ directory, columns });
  await run(store, { operation: 'CreateBucket', bucket: 'other', wish: { state: 'absent' } });
  await run(store, {
    operation: 'PutBucketEncryption',
    ...PHOTOS,
    rule: { kind: 'managed', algorithm: 'AES256' },
    storeRule: RULE,
  });
  await run(store, { operation: 'PutBucketPolicy', ...PHOTOS, document: '{"Deny":"*"}' });
  await put(store, 'plain', 'in clear', { metadata: { user: { colour: 'green' } }, tags: { team: 'a' } });
  await put(store, 'kms', '', { content: sealed('a secret') });
  await put(store, 'managed', '', { content: sealed('another', 'managed') });
  completed = (await run(store, { operation: 'CreateMultipartUpload', ...PHOTOS, key: 'parts', ...WHOLE_WRITE }))
    .uploadId;
  const parts = { ...PHOTOS, key: 'parts', uploadId: completed };
  for (const partNumber of [1, 2])
    await run(store, {
      operation: 'UploadPart',
      ...parts,
      partNumber,
      body: BODY,
      content: plainContent([Buffer.from(`part ${partNumber}.`)]),
    });
  await run(store, { operation: 'CompleteMultipartUpload', ...parts, parts: 'all', conditions: {} });
  await run(store, {
    operation: 'CreateMultipartUpload',
    ...PHOTOS,
    key: 'film',
    ...WHOLE_WRITE,
    seal: sealHeader({ uploadId: 'film-1' }),
  });
  await store.close();
});

/** The store after somebody wrote into its index. */
async function edited(...statements: readonly string[]): Promise<LocalStore> {
  const index = new DatabaseSync(join(directory, 'index.db'));
  for (const sql of statements) expect(Number(index.prepare(sql).run().changes), sql).toBeGreaterThan(0);
  index.close();
  return await openStore({ directory, columns });
}

const head = (store: LocalStore, key: string, more: object = {}) =>
  run(store, { operation: 'HeadObject', ...PHOTOS, key, ...WHOLE_READ, ...more });
const list = (store: LocalStore) => run(store, LIST);
const whole = (store: LocalStore, key: string) => run(store, { operation: 'GetObject', ...PHOTOS, key, ...WHOLE_READ });

test('an index that nobody edited answers everything', async () => {
  const store = await edited('UPDATE seals SET oid = oid');
  for (const key of ['plain', 'kms', 'managed', 'parts']) expect((await head(store, key)).size).toBeGreaterThan(0);
  expect((await list(store)).objects).toHaveLength(4);
  expect((await run(store, { operation: 'GetBucketEncryption', ...PHOTOS })).rule).toEqual(RULE);
});

const NONE = `'{"kind":"none"}'`;
const KMS = `'{"kind":"kms","key":"orders","algorithm":"AES256","layers":1}'`;
const OBJECT_EDITS: readonly [string, string, string, ...string[]][] = [
  ['an encryption made weaker', 'kms', `UPDATE objects SET encryption = ${NONE} WHERE key = CAST('kms' AS BLOB)`],
  ['an encryption made stronger', 'plain', `UPDATE objects SET encryption = ${KMS} WHERE key = CAST('plain' AS BLOB)`],
  [
    'an encryption made weaker together with its seal',
    'kms',
    `UPDATE objects SET encryption = ${NONE} WHERE key = CAST('kms' AS BLOB)`,
    `DELETE FROM seals WHERE oid = (SELECT oid FROM objects WHERE key = CAST('kms' AS BLOB))`,
  ],
  [
    'another key',
    'kms',
    `UPDATE objects SET encryption = replace(encryption, 'orders', 'public') WHERE key = CAST('kms' AS BLOB)`,
  ],
  [
    'metadata',
    'plain',
    `UPDATE objects SET metadata = replace(metadata, 'green', 'black') WHERE key = CAST('plain' AS BLOB)`,
  ],
  ['tags', 'plain', `UPDATE objects SET tags = '{"team":"b"}' WHERE key = CAST('plain' AS BLOB)`],
  ['a size', 'plain', `UPDATE objects SET size = 3 WHERE key = CAST('plain' AS BLOB)`],
  ['a date', 'plain', `UPDATE objects SET modified = 1 WHERE key = CAST('plain' AS BLOB)`],
  ['a type', 'plain', `UPDATE objects SET type = 'Appendable' WHERE key = CAST('plain' AS BLOB)`],
  ['a storage class', 'plain', `UPDATE objects SET class = 'Archive' WHERE key = CAST('plain' AS BLOB)`],
  ['a name', 'moved', `UPDATE objects SET key = CAST('moved' AS BLOB) WHERE key = CAST('kms' AS BLOB)`],
  [
    'two objects that changed places',
    'kms',
    `UPDATE objects SET key = CAST('x' AS BLOB) WHERE key = CAST('kms' AS BLOB)`,
    `UPDATE objects SET key = CAST('kms' AS BLOB) WHERE key = CAST('managed' AS BLOB)`,
  ],
  [
    'a row without a seal that says what encrypts it',
    'planted',
    `UPDATE objects SET key = CAST('planted' AS BLOB), encryption = ${KMS} WHERE key = CAST('plain' AS BLOB)`,
  ],
];

describe('an object whose row was edited is answered to nobody', () => {
  test.each(OBJECT_EDITS)('%s', async (_name, key, ...statements) => {
    const store = await edited(...statements);
    expect(await codeOf(head(store, key))).toBe('InternalError');
    expect(await codeOf(whole(store, key))).toBe('InternalError');
    expect(await codeOf(list(store))).toBe('InternalError');
    expect(await codeOf(run(store, { operation: 'GetObjectTagging', ...PHOTOS, key }))).toBe('InternalError');
    expect(await codeOf(run(store, { operation: 'PutObjectTagging', ...PHOTOS, key, tags: {} }))).toBe('InternalError');
    // The others are as they were, and a new one may take its place.
    expect((await get(store, 'parts')).toString()).toBe('part 1.part 2.');
    await put(store, key, 'new');
    expect((await get(store, key)).toString()).toBe('new');
  });

  test('a row that was moved to another bucket', async () => {
    const store = await edited(`UPDATE objects SET bucket = 'other' WHERE key = CAST('plain' AS BLOB)`);
    const request = { operation: 'HeadObject', bucket: 'other', key: 'plain', ...WHOLE_READ } as const;
    expect(await codeOf(run(store, request))).toBe('InternalError');
    expect(await codeOf(run(store, { ...LIST, bucket: 'other' }))).toBe('InternalError');
  });

  test.each([
    ['gone', `DELETE FROM seals WHERE oid = (SELECT oid FROM objects WHERE key = CAST('kms' AS BLOB))`],
    [
      'that of another mode',
      `UPDATE seals SET record = replace(record, '"mode":"kms"', '"mode":"managed"') WHERE key_id = 'orders'`,
    ],
    [
      'under another name',
      `UPDATE seals SET record = replace(record, '"keyAlias":"orders"', '"keyAlias":"public"') WHERE key_id = 'orders'`,
    ],
    [
      'that of another object',
      `UPDATE seals SET record = (SELECT record FROM seals WHERE record LIKE '%mac of another%')`,
    ],
  ])('a seal that is %s', async (_name, sql) => {
    const store = await edited(sql);
    expect(await codeOf(head(store, 'kms'))).toBe('InternalError');
    expect(await codeOf(whole(store, 'kms'))).toBe('InternalError');
    const attributes = {
      operation: 'GetObjectAttributes',
      ...PHOTOS,
      key: 'kms',
      maxParts: 1,
      partNumberMarker: 0,
    } as const;
    expect(await codeOf(run(store, attributes as never))).toBe('InternalError');
  });

  test.each([
    [
      'sizes',
      `UPDATE files SET size = size + 1 WHERE number = 1 AND oid = (SELECT oid FROM objects WHERE key = CAST('parts' AS BLOB))`,
    ],
    ['numbers', `UPDATE files SET number = 3 WHERE number = 2`],
    ['a part that is gone', `DELETE FROM files WHERE number = 2`],
    [
      'the bytes of another object',
      `UPDATE files SET oid = 'cd' WHERE number = 1 AND oid = (SELECT oid FROM objects WHERE key = CAST('parts' AS BLOB))`,
    ],
  ])('files whose rows were edited: %s', async (_name, sql) => {
    const store = await edited(sql);
    expect(await codeOf(head(store, 'parts', { partNumber: 2 }))).toBe('InternalError');
    expect(await codeOf(head(store, 'parts'))).toBe('InternalError');
    expect(await codeOf(whole(store, 'parts'))).toBe('InternalError');
  });
});

describe('an upload whose row was edited is continued and completed by nobody', () => {
  const film = { ...PHOTOS, key: 'film', uploadId: 'film-1' } as const;
  const part = (store: LocalStore) =>
    run(store, {
      operation: 'UploadPart',
      ...film,
      partNumber: 1,
      body: BODY,
      content: plainContent([Buffer.from('x')]),
    });
  const complete = (store: LocalStore) =>
    run(store, { operation: 'CompleteMultipartUpload', ...film, parts: 'all', conditions: {} });

  test.each<[string, ...string[]]>([
    ['its encryption', `UPDATE uploads SET encryption = ${NONE}`],
    [
      'its encryption and its seal',
      `UPDATE uploads SET encryption = ${NONE}`,
      `DELETE FROM seals WHERE oid = (SELECT oid FROM uploads)`,
    ],
    ['its metadata', `UPDATE uploads SET metadata = '{"user":{"a":"b"}}'`],
    ['its checksum', `UPDATE uploads SET checksum = '{"algorithm":"CRC32"}'`],
    ['its date', `UPDATE uploads SET initiated = initiated + 86400000`],
    ['its proof', `UPDATE uploads SET proof = NULL`],
  ])('%s', async (_name, ...statements) => {
    const store = await edited(...statements);
    expect(await codeOf(part(store))).toBe('InternalError');
    expect(await codeOf(complete(store))).toBe('InternalError');
    expect(await codeOf(run(store, { operation: 'ListParts', ...film, maxParts: 1, partNumberMarker: 0 }))).toBe(
      'InternalError',
    );
    const uploads = {
      operation: 'ListMultipartUploads',
      ...PHOTOS,
      prefix: '',
      delimiter: '',
      keyMarker: '',
      uploadIdMarker: '',
      maxUploads: 9,
    } as const;
    expect(await codeOf(run(store, uploads))).toBe('InternalError');
    expect(await codeOf(store.sealed.upload('photos', 'film', 'film-1'))).toBe('InternalError');
  });

  test('a seal that is gone, or of another mode', async () => {
    for (const sql of [
      `UPDATE seals SET record = replace(record, '"mode":"kms"', '"mode":"managed"') WHERE oid = (SELECT oid FROM uploads)`,
      `DELETE FROM seals WHERE oid = (SELECT oid FROM uploads)`,
    ]) {
      const store = await edited(sql);
      expect(await codeOf(store.sealed.upload('photos', 'film', 'film-1'))).toBe('InternalError');
      expect(await codeOf(complete(store))).toMatch(/InternalError|InvalidPart/);
      await store.close();
    }
  });

  test('an upload that was moved to another key', async () => {
    const store = await edited(`UPDATE uploads SET key = CAST('elsewhere' AS BLOB)`);
    expect(await codeOf(store.sealed.upload('photos', 'elsewhere', 'film-1'))).toBe('InternalError');
  });

  test('what a repeated Complete is answered stays with its object', async () => {
    const store = await edited(`UPDATE completed SET key = CAST('plain' AS BLOB)`);
    const repeated = {
      operation: 'CompleteMultipartUpload',
      ...PHOTOS,
      key: 'plain',
      uploadId: completed,
      parts: 'all',
      conditions: {},
    } as const;
    expect(await codeOf(run(store, repeated))).toBe('InternalError');
  });
});

describe('a bucket whose row was edited says nothing of its rule and its policy', () => {
  const rule = (store: LocalStore) => run(store, { operation: 'GetBucketEncryption', ...PHOTOS });
  const policy = (store: LocalStore) => run(store, { operation: 'GetBucketPolicy', ...PHOTOS });

  test.each([
    ['no rule any more', 'UPDATE buckets SET rule = NULL WHERE rule IS NOT NULL'],
    ['another rule', `UPDATE buckets SET rule = replace(rule, 'orders', 'public')`],
    ['no policy any more', 'UPDATE buckets SET policy = NULL WHERE policy IS NOT NULL'],
    ['another policy', `UPDATE buckets SET policy = '{"Allow":"*"}'`],
    ['no proof', 'UPDATE buckets SET proof = NULL'],
    [
      'the row of another bucket',
      `UPDATE buckets SET (rule, policy, proof) = (SELECT rule, policy, proof FROM buckets WHERE name = 'other')`,
    ],
  ])('%s', async (_name, sql) => {
    const store = await edited(sql);
    expect(await codeOf(rule(store))).toBe('InternalError');
    expect(await codeOf(policy(store))).toBe('InternalError');
    expect(await codeOf(run(store, { operation: 'GetBucketInfo', ...PHOTOS }))).toBe('InternalError');
    expect(await codeOf(run(store, { operation: 'ListBuckets' }))).toBe('InternalError');
    // A change of one half does not vouch for the other.
    expect(await codeOf(run(store, { operation: 'PutBucketPolicy', ...PHOTOS, document: '{}' }))).toBe('InternalError');
    expect(await codeOf(run(store, { operation: 'DeleteBucketEncryption', ...PHOTOS }))).toBe('InternalError');
  });
});
