import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FailpointName } from '../../../../src/backends/local/ports.ts';
import { GatewayError } from '../../../../src/model/errors.ts';
import {
  codeOf,
  columnCipher,
  get,
  openStore,
  openWithBucket,
  plainContent,
  put,
  run,
  temporaryDirectory,
  WHOLE_READ,
} from './support.ts';

function entries(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' });
}

function dataFiles(directory: string): readonly string[] {
  return entries(join(directory, 'data')).filter((path) => /[0-9a-f]{32}$/.test(path));
}

/** Ids that a test knows before the store uses them. */
function knownIds(): { readonly randomBytes: (size: number) => Buffer; readonly next: () => string } {
  let count = 0;
  const idOf = (at: number, size = 16): Buffer => Buffer.alloc(size, at);
  return { randomBytes: (size) => idOf(++count, size), next: () => idOf(count + 1).toString('hex') };
}

describe('on disk', () => {
  test('only the owner may read, and no byte of a key or digest stands there', async () => {
    const directory = join(await temporaryDirectory(), 'deep', 'store');
    const before = process.umask(0);
    try {
      const store = await openWithBucket({ directory });
      const { etag } = await put(store, 'canary-key', 'hello');
      for (const path of ['', ...entries(directory)]) {
        const found = statSync(join(directory, path));
        expect([path, (found.mode & 0o777).toString(8)]).toEqual([path, found.isDirectory() ? '700' : '600']);
        expect(path).not.toContain('canary');
      }
      await store.close();
      expect(readFileSync(join(directory, 'index.db')).includes(etag)).toBe(false);
      expect(readFileSync(join(directory, 'index.db')).includes('canary-key')).toBe(true);
    } finally {
      process.umask(before);
    }
  });

  test('two processes do not open one directory', async () => {
    const directory = await temporaryDirectory();
    const columns = columnCipher();
    const first = await openStore({ directory, columns });
    expect(await codeOf(openStore({ directory, columns }))).toBe('ServiceUnavailable');
    await first.close();
    await openStore({ directory, columns });
  });

  test.each(['symlink', 'fifo', 'directory', 'file'])('a planted %s is never followed or replaced', async (kind) => {
    for (const where of ['tmp', 'data']) {
      const directory = await temporaryDirectory();
      const ids = knownIds();
      const store = await openWithBucket({ directory, randomBytes: ids.randomBytes });
      await put(store, 'a', 'old');
      const id = ids.next();
      const place = where === 'tmp' ? join(directory, 'tmp') : join(directory, 'data', id.slice(0, 2));
      mkdirSync(place, { recursive: true });
      const path = join(place, id);
      if (kind === 'symlink') symlinkSync(join(directory, 'outside'), path);
      else if (kind === 'fifo') execFileSync('mkfifo', [path]);
      else if (kind === 'directory') mkdirSync(path);
      else writeFileSync(path, 'planted');
      expect(await codeOf(put(store, 'a', 'new'))).toBe('InternalError');
      expect((await get(store, 'a')).toString()).toBe('old');
      expect(entries(directory)).not.toContain('outside');
      if (kind === 'file' && where === 'data') expect(readFileSync(path, 'utf8')).toBe('planted');
      expect(store.health().failures[where === 'tmp' ? 'write' : 'link']).toBe(1);
    }
  });

  // Small reads and large ones go different ways.
  test.each([1000, 200_000])(
    'a data file of %i bytes that was replaced, cut or removed is never served',
    async (size) => {
      const directory = await temporaryDirectory();
      const store = await openWithBucket({ directory });
      await put(store, 'a', 'x'.repeat(size));
      const path = join(directory, 'data', dataFiles(directory)[0] ?? '');
      const spare = `${path}.spare`;
      const broken = async () => codeOf(get(store, 'a'));
      renameSync(path, spare);
      expect(await broken()).toBe('InternalError');
      symlinkSync(spare, path);
      expect(await broken()).toBe('InternalError');
      rmSync(path);
      execFileSync('mkfifo', [path]);
      expect(await broken()).toBe('InternalError');
      rmSync(path);
      renameSync(spare, path);
      expect((await get(store, 'a')).length).toBe(size);
      truncateSync(path, size - 1);
      expect(await broken()).toBe('InternalError');
      expect((await store.scrub()).damaged).toBe(1);
    },
  );

  test('a scrub puts orphans aside, reports what is missing, and leaves what is foreign', async () => {
    const directory = await temporaryDirectory();
    const store = await openWithBucket({ directory });
    for (const key of ['a', 'b']) await put(store, key, key);
    const [first] = dataFiles(directory);
    rmSync(join(directory, 'data', first ?? ''));
    const orphan = 'ab'.repeat(16);
    mkdirSync(join(directory, 'data/ab'), { recursive: true });
    writeFileSync(join(directory, 'data/ab', orphan), 'left');
    writeFileSync(join(directory, 'data/README'), 'not ours');
    expect(await store.scrub()).toEqual({ files: 3, orphans: 1, missing: 1, damaged: 0, foreign: 1 });
    expect(dataFiles(directory)).toHaveLength(1);
    expect(entries(join(directory, 'data'))).toContain('README');
    expect(store.quarantine()).toMatchObject({ files: 1, bytes: 4, names: [orphan] });
  });

  test('a start finishes what was in doubt', async () => {
    const directory = await temporaryDirectory();
    const columns = columnCipher();
    const store = await openWithBucket({ directory, columns });
    await put(store, 'a', 'a');
    const [kept] = dataFiles(directory);
    await store.close();
    const unfinished = 'cd'.repeat(16);
    mkdirSync(join(directory, 'data/cd'), { recursive: true });
    writeFileSync(join(directory, 'data/cd', unfinished), 'x');
    for (const name of [unfinished, kept?.slice(-32) ?? '', 'strange'])
      writeFileSync(join(directory, 'tmp', name), 'x');
    const again = await openStore({ directory, columns });
    expect(dataFiles(directory)).toEqual([kept]);
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
    // Nothing that the index does not know is removed by a start.
    expect([...again.quarantine().names].sort()).toEqual([unfinished, 'strange']);
    expect((await get(again, 'a')).toString()).toBe('a');
  });
});

describe('failing writes', () => {
  const stages: readonly [FailpointName, string, string][] = [
    ['after-create', 'EIO', 'InternalError'],
    ['after-chunk', 'ENOSPC', 'ServiceUnavailable'],
    ['before-sync', 'EIO', 'InternalError'],
    ['before-sync', 'ENOSPC', 'ServiceUnavailable'],
    ['after-sync', 'EMFILE', 'ServiceUnavailable'],
    ['after-link', 'EIO', 'InternalError'],
    ['before-commit', 'ENOSPC', 'ServiceUnavailable'],
  ];

  test.each(stages)('%s with %s leaves the old object and nothing else', async (point, code, expected) => {
    const directory = await temporaryDirectory();
    let armed = false;
    const store = await openWithBucket({
      directory,
      failpoint: (name) => {
        if (armed && name === point) throw Object.assign(new Error('injected'), { code });
      },
    });
    await put(store, 'a', 'old');
    const before = dataFiles(directory);
    armed = true;
    expect(await codeOf(put(store, 'a', 'new'))).toBe(expected);
    armed = false;
    expect((await get(store, 'a')).toString()).toBe('old');
    expect(dataFiles(directory)).toEqual(before);
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
    if (point === 'before-sync') expect(store.health().failures.sync).toBe(1);
    await put(store, 'a', 'new');
    expect((await get(store, 'a')).toString()).toBe('new');
  });

  test('a stream that fails anywhere leaves the old object', async () => {
    const directory = await temporaryDirectory();
    const store = await openWithBucket({ directory });
    await put(store, 'a', 'old');
    for (const good of [0, 1, 3, 20]) {
      const content = plainContent(
        (async function* () {
          for (let at = 0; at < good; at++) yield Buffer.alloc(100_000, at);
          throw new GatewayError('BadDigest', 'injected');
        })(),
      );
      expect(await codeOf(put(store, 'a', '', { content }))).toBe('BadDigest');
      expect((await get(store, 'a')).toString()).toBe('old');
    }
    const gone = new AbortController();
    const content = plainContent(
      (async function* () {
        yield Buffer.from('1');
        gone.abort();
        yield Buffer.from('2');
      })(),
    );
    const request = {
      operation: 'PutObject',
      bucket: 'photos',
      key: 'a',
      wish: { state: 'absent' },
      metadata: { user: {} },
      conditions: {},
      content,
    } as never;
    expect(await codeOf(store.execute(request, { requestId: 't', signal: gone.signal }))).toBe('RequestTimeout');
    expect((await get(store, 'a')).toString()).toBe('old');
    expect(dataFiles(directory)).toHaveLength(1);
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
  });

  test('content whose length or record disagrees with its bytes is refused', async () => {
    const store = await openWithBucket();
    const inner = plainContent([Buffer.from('hello')]);
    expect(await codeOf(put(store, 'a', '', { content: { ...inner, length: 6 } }))).toBe('IncompleteBody');
    const lying = plainContent([Buffer.from('hello')]);
    const finish = () => ({ etag: 'e', digests: { size: 4, md5: 'e', crc64: '0' } });
    expect(await codeOf(put(store, 'a', '', { content: { ...lying, finish } }))).toBe('InternalError');
    expect(await codeOf(run(store, { operation: 'HeadObject', bucket: 'photos', key: 'a', ...WHOLE_READ }))).toBe(
      'NoSuchKey',
    );
  });
});
