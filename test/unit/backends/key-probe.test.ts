import { posix } from 'node:path';
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createKeyProbe } from '../../../src/backends/key-probe.ts';
import type { Backend } from '../../../src/model/backend.ts';
import { GatewayError, type ErrorCode } from '../../../src/model/errors.ts';
import type { StorageRequest } from '../../../src/model/operations.ts';

const CONTEXT = { requestId: 'R' };

interface Habits {
  /** The name under which the store really keeps a key, by operation. */
  readonly nameOf?: (key: string, operation: string) => string;
  /** What it answers instead. */
  readonly refuse?: (request: Asked) => ErrorCode | undefined;
  readonly versions?: boolean;
}

type Asked = StorageRequest<'PutObject' | 'HeadObject' | 'DeleteObject'>;

/** A store in memory that has a habit. */
function storeWith({ nameOf = (key) => key, refuse = () => undefined, versions = false }: Habits) {
  const objects = new Map<string, number>();
  const asked: Asked[] = [];
  let now = 0;
  const execute = async (request: Asked): Promise<unknown> => {
    asked.push(request);
    const refused = refuse(request);
    if (refused !== undefined) throw new GatewayError(refused, 'no');
    const id = `${request.bucket}/${nameOf(request.key, request.operation)}`;
    switch (request.operation) {
      case 'PutObject': {
        let size = 0;
        for await (const chunk of request.body.bytes) size += chunk.length;
        expect(size).toBe(request.body.length);
        objects.set(id, size);
        return versions ? { etag: 'e', versionId: 'v' } : { etag: 'e' };
      }
      case 'HeadObject': {
        const size = objects.get(id);
        if (size === undefined) throw new GatewayError('NoSuchKey', 'no');
        return { size };
      }
      case 'DeleteObject':
        if (!versions || request.versionId !== undefined) objects.delete(id);
        return {};
    }
  };
  const keepsApart = createKeyProbe({
    store: { execute: execute as unknown as Backend['execute'] },
    now: () => now,
    randomBytes,
  });
  return { keepsApart, objects, asked, pass: (ms: number) => (now += ms) };
}

/** Not Node's `normalize` alone: a bucket is a folder too. */
const cleaned = (key: string): string =>
  posix
    .normalize(`/b/${key}`)
    .replace(/\/$/, '')
    .replace(/^\/b\//, '');

describe('whether a store keeps odd keys apart', () => {
  test('one that keeps every name does, and nothing is left there', async () => {
    const store = storeWith({});
    expect(await store.keepsApart('path', 'b', CONTEXT)).toBe(true);
    expect(await store.keepsApart('directory', 'b', CONTEXT)).toBe(true);
    expect([...store.objects.keys()]).toEqual([]);
  });

  test.each([
    ['drops leading slashes', (key: string) => key.replace(/^\/+/, '')],
    ['merges slashes', (key: string) => key.replaceAll(/\/+/g, '/')],
    [
      'drops single dots',
      (key: string) =>
        key
          .split('/')
          .filter((part) => part !== '.')
          .join('/'),
    ],
    ['follows double dots', (key: string) => key.replaceAll(/[^/]+\/\.\.\//g, '')],
    ['cleans paths', cleaned],
    ['leaves the bucket', (key: string) => key.replace(/^\.\.\/b\//, '')],
  ])('one that %s does not', async (_name, nameOf) => {
    const store = storeWith({ nameOf });
    expect(await store.keepsApart('path', 'b', CONTEXT)).toBe(false);
    expect([...store.objects.keys()]).toEqual([]);
  });

  test.each(['HeadObject', 'PutObject', 'DeleteObject'])('one that folds in %s alone does not', async (operation) => {
    const nameOf = (key: string, at: string): string => (at === operation ? cleaned(key) : key);
    expect(await storeWith({ nameOf }).keepsApart('path', 'b', CONTEXT)).toBe(false);
  });

  test('the name of a folder is a question of its own', async () => {
    const minio = storeWith({ nameOf: (key) => key.replace(/^\/+/, '') });
    expect([await minio.keepsApart('path', 'b', CONTEXT), await minio.keepsApart('directory', 'b', CONTEXT)]).toEqual([
      false,
      true,
    ]);
    const cleaner = storeWith({ nameOf: (key) => key.replace(/\/$/, '') });
    expect(await cleaner.keepsApart('directory', 'b', CONTEXT)).toBe(false);
  });

  test('a name that is refused is nobody`s name', async () => {
    const odd = (key: string): boolean => key !== cleaned(key);
    const store = storeWith({ refuse: ({ key }) => (odd(key) ? 'InvalidObjectName' : undefined) });
    expect(await store.keepsApart('path', 'b', CONTEXT)).toBe(true);
  });

  test('it is asked once, however many want to know', async () => {
    const store = storeWith({});
    await Promise.all([store.keepsApart('path', 'b', CONTEXT), store.keepsApart('path', 'c', CONTEXT)]);
    const once = store.asked.length;
    await store.keepsApart('path', 'd', CONTEXT);
    expect(store.asked.length).toBe(once);
    expect(new Set(store.asked.map(({ bucket }) => bucket))).toEqual(new Set(['b']));
  });

  test('only names of the gateway`s own are used, and in a versioned bucket no version stays', async () => {
    const store = storeWith({ versions: true });
    expect(await store.keepsApart('path', 'b', CONTEXT)).toBe(true);
    expect([...store.objects.keys()]).toEqual([]);
    for (const { key } of store.asked) expect(cleaned(key)).toMatch(/^\.bucketseal\/probe\/[0-9a-f]{32}$/);
  });

  test.each(['AccessDenied', 'InternalError', 'NotImplemented'] as const)(
    'one that answers %s has not said, and is asked again after a while',
    async (code) => {
      let refused: ErrorCode | undefined = code;
      const store = storeWith({ refuse: () => refused });
      expect(await store.keepsApart('path', 'b', CONTEXT)).toBeUndefined();
      const before = store.asked.length;
      refused = undefined;
      expect(await store.keepsApart('path', 'b', CONTEXT)).toBeUndefined();
      expect(store.asked.length).toBe(before);
      store.pass(60_000);
      expect(await store.keepsApart('path', 'b', CONTEXT)).toBe(true);
    },
  );

  test('a refusal of the odd name by rights says nothing about it', async () => {
    const store = storeWith({ refuse: ({ key }) => (key !== cleaned(key) ? 'AccessDenied' : undefined) });
    expect(await store.keepsApart('path', 'b', CONTEXT)).toBeUndefined();
  });

  test.each(['ServiceUnavailable', 'SlowDown', 'NoSuchBucket'] as const)(
    '%s is that request`s own failure, and nothing is remembered',
    async (code) => {
      let refused: ErrorCode | undefined = code;
      const store = storeWith({ refuse: () => refused });
      await expect(store.keepsApart('path', 'b', CONTEXT)).rejects.toMatchObject({ code });
      refused = undefined;
      expect(await store.keepsApart('path', 'b', CONTEXT)).toBe(true);
    },
  );
});
