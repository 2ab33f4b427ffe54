import { describe, expect, test } from 'vitest';
import type { StoreKeyId } from '../../../../src/model/encryption.ts';
import { codeOf, openStore, openWithBucket, put, run, WHOLE_WRITE } from './support.ts';

const photos = { bucket: 'photos' } as const;
const create = (bucket: string, more: object = {}) =>
  ({ operation: 'CreateBucket', bucket, wish: { state: 'absent' }, ...more }) as const;

describe('buckets', () => {
  test('are created once, listed in order and by page', async () => {
    const store = await openStore();
    expect(await run(store, create('bbb'))).toEqual({ location: '/bbb', created: true });
    expect((await run(store, create('bbb'))).created).toBe(false);
    for (const name of ['abc', 'bba', 'ccc']) await run(store, create(name));
    const list = async (more: object) => {
      const { buckets, ...rest } = await run(store, { operation: 'ListBuckets', ...more });
      return { names: buckets.map(({ name }) => name), ...rest };
    };
    expect(await list({})).toEqual({ names: ['abc', 'bba', 'bbb', 'ccc'], truncated: false });
    expect(await list({ prefix: 'bb' })).toEqual({ names: ['bba', 'bbb'], truncated: false });
    expect(await list({ prefix: 'bb', maxKeys: 1 })).toEqual({ names: ['bba'], truncated: true, nextMarker: 'bba' });
    expect(await list({ marker: 'bba', maxKeys: 1 })).toEqual({ names: ['bbb'], truncated: true, nextMarker: 'bbb' });
  });

  test('names follow the rules of S3', async () => {
    const store = await openStore();
    for (const name of [
      'ab',
      'Abc',
      'a_b',
      '-ab',
      'ab-',
      'a..b',
      '1.2.3.4',
      'x'.repeat(64),
      '../x',
      'xn--abc',
      'é--b',
      '',
    ])
      expect(await codeOf(run(store, create(name)))).toBe('InvalidBucketName');
    for (const name of ['abc', 'a.b', '123', 'admin', 'x'.repeat(63)]) await run(store, create(name));
  });

  test('are deleted only when empty; uploads under way go with them', async () => {
    const store = await openWithBucket();
    await put(store, 'a', '1');
    await run(store, { operation: 'CreateMultipartUpload', ...photos, key: 'b', ...WHOLE_WRITE });
    expect(await run(store, { operation: 'GetBucketStat', ...photos })).toEqual({ objects: 1, bytes: 1, uploads: 1 });
    expect(await codeOf(run(store, { operation: 'DeleteBucket', ...photos }))).toBe('BucketNotEmpty');
    await run(store, { operation: 'DeleteObject', ...photos, key: 'a' });
    await run(store, { operation: 'DeleteBucket', ...photos });
    expect(await codeOf(run(store, { operation: 'HeadBucket', ...photos }))).toBe('NoSuchBucket');
    expect(await codeOf(run(store, { operation: 'DeleteBucket', ...photos }))).toBe('NoSuchBucket');
  });

  test('totals follow overwrites', async () => {
    const store = await openWithBucket();
    await put(store, 'a', '12345');
    await put(store, 'a', '123');
    await put(store, 'b', '1');
    expect(await run(store, { operation: 'GetBucketStat', ...photos })).toMatchObject({ objects: 2, bytes: 4 });
  });

  test('keep a rule, a policy document and say that they are private', async () => {
    const store = await openWithBucket();
    const rule = { kind: 'kms', key: 'orders' as StoreKeyId, algorithm: 'AES256', layers: 1 } as const;
    expect((await run(store, { operation: 'GetBucketEncryption', ...photos })).rule).toBeUndefined();
    await run(store, {
      operation: 'PutBucketEncryption',
      ...photos,
      rule: { kind: 'managed', algorithm: 'AES256' },
      storeRule: rule,
    });
    expect((await run(store, { operation: 'GetBucketEncryption', ...photos })).rule).toEqual(rule);
    expect(await run(store, { operation: 'GetBucketInfo', ...photos })).toMatchObject({
      name: 'photos',
      acl: 'private',
      encryption: rule,
      region: 'local-1',
    });
    await run(store, { operation: 'DeleteBucketEncryption', ...photos });
    expect((await run(store, { operation: 'GetBucketEncryption', ...photos })).rule).toBeUndefined();

    expect(await codeOf(run(store, { operation: 'GetBucketPolicy', ...photos }))).toBe('NoSuchBucketPolicy');
    await run(store, { operation: 'PutBucketPolicy', ...photos, document: '{}' });
    expect(await run(store, { operation: 'GetBucketPolicy', ...photos })).toEqual({ document: '{}' });
    await run(store, { operation: 'DeleteBucketPolicy', ...photos });
    expect(await codeOf(run(store, { operation: 'GetBucketPolicy', ...photos }))).toBe('NoSuchBucketPolicy');

    expect(await codeOf(run(store, { operation: 'PutBucketAcl', ...photos, acl: 'public-read' }))).toBe(
      'AccessControlListNotSupported',
    );
    expect(await run(store, { operation: 'PutBucketAcl', ...photos, acl: 'private' })).toEqual({});
    expect(await run(store, { operation: 'GetBucketAcl', ...photos })).toEqual({ acl: 'private' });
    expect(await run(store, { operation: 'GetBucketVersioning', ...photos })).toEqual({ status: undefined });
    expect(await codeOf(run(store, { operation: 'GetBucketReplication', ...photos }))).toBe('NotImplemented');
  });

  test('a rule that comes with the creation is kept', async () => {
    const store = await openStore();
    await run(store, create('abc', { encryption: { kind: 'managed', algorithm: 'AES256' } }));
    expect((await run(store, { operation: 'GetBucketEncryption', bucket: 'abc' })).rule).toEqual({
      kind: 'managed',
      algorithm: 'AES256',
    });
  });
});
