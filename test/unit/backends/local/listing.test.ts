import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LocalStore } from '../../../../src/backends/local/store.ts';
import { codeOf, openWithBucket, put, run, WHOLE_WRITE } from './support.ts';

const PAGE = { bucket: 'photos', prefix: '', delimiter: '', maxKeys: 1000 } as const;
const BASE = [
  'a',
  'a/',
  'a/b',
  'a/b/c',
  'a/b/',
  'a//b',
  'b',
  'b/',
  '..',
  '../x',
  '.',
  'é/x',
  'é',
  'e\u0301',
  '\u{1f600}/1',
  '\uffee',
  'a\u00ff',
  'x'.repeat(1024),
  '--',
  'a--b--c',
];

/** The plain words of the S3 reference: roll up, sort by bytes, drop what is not behind the marker, cut. */
function model(keys: readonly string[], prefix: string, delimiter: string, marker: string): readonly string[] {
  const entries = new Set<string>();
  for (const key of keys) {
    if (!key.startsWith(prefix)) continue;
    const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    entries.add(at === -1 ? `k${key}` : `p${key.slice(0, at + delimiter.length)}`);
  }
  const bytes = (entry: string): Buffer => Buffer.from(entry.slice(1));
  return [...entries]
    .filter((entry) => bytes(entry).compare(Buffer.from(marker)) > 0)
    .sort((a, b) => bytes(a).compare(bytes(b)));
}

function merged(result: {
  readonly objects: readonly { readonly key: string }[];
  readonly commonPrefixes: readonly string[];
}): readonly string[] {
  return [...result.objects.map(({ key }) => `k${key}`), ...result.commonPrefixes.map((prefix) => `p${prefix}`)].sort(
    (a, b) => Buffer.from(a.slice(1)).compare(Buffer.from(b.slice(1))),
  );
}

async function pagesOf(
  store: LocalStore,
  prefix: string,
  delimiter: string,
  maxKeys: number,
  startAfter: string,
): Promise<readonly string[]> {
  const found: string[] = [];
  let continuationToken = '';
  for (let guard = 0; guard < 200; guard++) {
    const page = { ...PAGE, prefix, delimiter, maxKeys, startAfter, continuationToken, fetchOwner: false };
    const result = await run(store, { operation: 'ListObjectsV2', ...page });
    expect(result.keyCount).toBe(result.objects.length + result.commonPrefixes.length);
    expect(result.keyCount).toBeLessThanOrEqual(maxKeys);
    expect(result.nextToken ?? 'none').toMatch(/^[A-Za-z0-9._~-]+$/);
    expect(result.truncated).toBe(result.nextToken !== undefined);
    found.push(...merged(result));
    if (result.nextToken === undefined) return found;
    continuationToken = result.nextToken;
  }
  throw new Error('the listing does not end');
}

async function markersOf(
  store: LocalStore,
  prefix: string,
  delimiter: string,
  maxKeys: number,
  start: string,
): Promise<readonly string[]> {
  const found: string[] = [];
  let marker = start;
  for (let guard = 0; guard < 200; guard++) {
    const result = await run(store, { operation: 'ListObjects', ...PAGE, prefix, delimiter, maxKeys, marker });
    found.push(...merged(result));
    if (!result.truncated) return found;
    marker = result.nextMarker ?? '';
  }
  throw new Error('the listing does not end');
}

describe('listing', () => {
  test('agrees with the model for any keys, prefix, delimiter, marker and page size', async () => {
    const key = fc.oneof(
      fc.constantFrom(...BASE),
      fc
        .array(fc.constantFrom('a', 'b', '/', '-', 'é', '\u{1f600}', '\uffee', '~'), { minLength: 1, maxLength: 8 })
        .map((parts) => parts.join('')),
    );
    const affix = fc.oneof(fc.constant(''), fc.constantFrom('a', 'a/', '/', '--', 'é', 'a/b', '\u{1f600}'));
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(key, { maxLength: 24 }),
        affix,
        affix,
        fc.oneof(fc.constant(''), key),
        fc.integer({ min: 1, max: 7 }),
        async (keys, prefix, delimiter, marker, size) => {
          const store = await openWithBucket();
          for (const each of keys) await put(store, each, each);
          const expected = model(keys, prefix, delimiter, marker);
          expect(await pagesOf(store, prefix, delimiter, size, marker)).toEqual(expected);
          expect(await markersOf(store, prefix, delimiter, size, marker)).toEqual(expected);
          await store.close();
        },
      ),
      { numRuns: 40 },
    );
  });

  test('agrees with the model for every marker over one set of keys', async () => {
    const store = await openWithBucket();
    for (const key of BASE) await put(store, key, key);
    for (const marker of ['', ...BASE, 'a/zzz', 'zzz', '\u{10ffff}'])
      for (const delimiter of ['', '/', '--', 'b'])
        for (const prefix of ['', 'a', 'a/', 'é'])
          expect(await markersOf(store, prefix, delimiter, 3, marker)).toEqual(model(BASE, prefix, delimiter, marker));
  });

  test('a page of no keys is empty and not truncated; a page has 1000 keys at most', async () => {
    const store = await openWithBucket();
    await put(store, 'a', 'a');
    const none = await run(store, { operation: 'ListObjects', ...PAGE, maxKeys: 0, marker: '' });
    expect(none).toEqual({ objects: [], commonPrefixes: [], truncated: false });
    const many = await run(store, { operation: 'ListObjects', ...PAGE, maxKeys: 1_000_000, marker: '' });
    expect(many.objects.map(({ key }) => key)).toEqual(['a']);
  });

  test('refuses a token that it did not make', async () => {
    const store = await openWithBucket();
    for (const continuationToken of ['x', '1!', '1a=', '2YQ', '1Y'])
      expect(
        await codeOf(
          run(store, { operation: 'ListObjectsV2', ...PAGE, startAfter: '', fetchOwner: false, continuationToken }),
        ),
      ).toBe('InvalidArgument');
  });

  test('shows every object once as version null', async () => {
    const store = await openWithBucket();
    for (const key of ['a', 'b/1', 'b/2', 'c']) await put(store, key, key);
    const page = { ...PAGE, delimiter: '/', maxKeys: 2, versionIdMarker: '' };
    const first = await run(store, { operation: 'ListObjectVersions', ...page, keyMarker: '' });
    expect(first).toMatchObject({ commonPrefixes: ['b/'], truncated: true, nextKeyMarker: 'b/' });
    expect(first.nextVersionIdMarker).toBeUndefined();
    expect(first.objects).toMatchObject([{ key: 'a', versionId: 'null', isLatest: true }]);
    const second = await run(store, { operation: 'ListObjectVersions', ...page, keyMarker: 'b/' });
    expect(second).toMatchObject({ objects: [{ key: 'c' }], commonPrefixes: [], truncated: false });
  });

  test('lists uploads by key and age, with prefixes and both markers', async () => {
    let now = 1_000;
    const store = await openWithBucket({ now: () => ++now });
    const ids: string[] = [];
    for (const key of ['a', 'a', 'b/1', 'b/2', 'c'])
      ids.push(
        (await run(store, { operation: 'CreateMultipartUpload', bucket: 'photos', key, ...WHOLE_WRITE })).uploadId,
      );
    const list = (more: object) =>
      run(store, {
        operation: 'ListMultipartUploads',
        bucket: 'photos',
        prefix: '',
        delimiter: '',
        keyMarker: '',
        uploadIdMarker: '',
        maxUploads: 1000,
        ...more,
      });
    expect((await list({})).uploads.map(({ uploadId }) => uploadId)).toEqual(ids);
    const one = await list({ maxUploads: 1 });
    expect(one).toMatchObject({ truncated: true, nextKeyMarker: 'a', nextUploadIdMarker: ids[0] });
    const rest = await list({ keyMarker: 'a', uploadIdMarker: ids[0] });
    expect(rest.uploads.map(({ uploadId }) => uploadId)).toEqual(ids.slice(1));
    expect((await list({ keyMarker: 'a' })).uploads.map(({ key }) => key)).toEqual(['b/1', 'b/2', 'c']);
    expect((await list({ uploadIdMarker: ids[3] })).uploads).toHaveLength(5);
    const rolled = await list({ delimiter: '/' });
    expect([rolled.uploads.map(({ key }) => key), rolled.commonPrefixes]).toEqual([['a', 'a', 'c'], ['b/']]);
    expect((await list({ prefix: 'b/' })).uploads.map(({ key }) => key)).toEqual(['b/1', 'b/2']);
  });
});
