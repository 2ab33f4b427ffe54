import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import type { LocalStore } from '../../../../src/backends/local/store.ts';
import {
  columnCipher,
  errorOf,
  get,
  openStore,
  openWithBucket,
  plainContent,
  put,
  run,
  temporaryDirectory,
} from './support.ts';

const DAY = 24 * 60 * 60 * 1000;

interface Home {
  readonly directory: string;
  readonly at: (name: string) => string;
  readonly columns: ReturnType<typeof columnCipher>;
  /** All of what lies under data/, by name. */
  readonly data: () => Readonly<Record<string, string>>;
  readonly open: (now?: () => number) => Promise<LocalStore>;
  /** What a start says of the index, and that it left everything alone. */
  readonly refused: () => Promise<string>;
}

/** A store with two objects, closed. */
async function home(): Promise<Home> {
  const directory = await temporaryDirectory();
  const columns = columnCipher();
  const first = await openWithBucket({ directory, columns });
  await put(first, 'a', 'alpha');
  await put(first, 'b', 'beta');
  await first.close();
  const at = (name: string): string => join(directory, name);
  const contents = (folder: string): Readonly<Record<string, string>> =>
    Object.fromEntries(
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((path) => /[0-9a-f]{32}$/.test(path))
        .map((path) => [path, readFileSync(join(folder, path), 'utf8')]),
    );
  const data = () => contents(at('data'));
  const open = (now = Date.now) => openStore({ directory, columns, now });
  return {
    directory,
    at,
    columns,
    data,
    open,
    refused: async () => {
      const before = data();
      expect(Object.keys(before)).toHaveLength(2);
      const { code, message } = await errorOf(open());
      expect(code).toBe('ServiceUnavailable');
      expect(message).toContain(at('index.db'));
      expect(data()).toEqual(before);
      expect(existsSync(at('quarantine'))).toBe(false);
      return message;
    },
  };
}

/** The files of an index as they lie there; a closed one has no log. */
function copyIndex(from: string, to: string): void {
  for (const name of ['index.db', 'index.db-wal']) {
    rmSync(join(to, name), { force: true });
    if (existsSync(join(from, name))) copyFileSync(join(from, name), join(to, name));
  }
}

describe('a start where data lies, with an index that is not the right one, touches nothing', () => {
  test('missing', async () => {
    const { at, refused, open } = await home();
    copyFileSync(at('index.db'), at('spare'));
    rmSync(at('index.db'));
    expect(await refused()).toMatch(/missing, while data lies in/);
    expect(existsSync(at('index.db'))).toBe(false);
    copyFileSync(at('spare'), at('index.db'));
    expect((await get(await open(), 'a')).toString()).toBe('alpha');
  });

  test('missing although no data lies there: buckets, rules and policies were in it', async () => {
    const { at, open } = await home();
    rmSync(at('index.db'));
    rmSync(at('data'), { recursive: true });
    expect((await errorOf(open())).message).toMatch(/missing, while .*store-mark says that the store has been written/);
  });

  test('of no bytes', async () => {
    const { at, refused } = await home();
    truncateSync(at('index.db'));
    expect(await refused()).toMatch(/is empty, while data lies in/);
  });

  test('without a table', async () => {
    const { at, refused } = await home();
    rmSync(at('index.db'));
    const empty = new DatabaseSync(at('index.db'));
    empty.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a); DROP TABLE t');
    empty.close();
    expect(await refused()).toMatch(/it is empty, while data lies in/);
  });

  test('an older copy', async () => {
    const { at, open, refused, directory } = await home();
    const older = await temporaryDirectory();
    copyIndex(directory, older);
    const store = await open();
    await run(store, { operation: 'DeleteObject', bucket: 'photos', key: 'b' });
    await put(store, 'c', 'gamma');
    await store.close();
    copyIndex(older, directory);
    expect(await refused()).toMatch(
      /it is older than the data: it has changed \d+ times, and .*store-mark knows of \d+/,
    );

    // Said on purpose it goes on, and what that index does not know is kept.
    const mark = readFileSync(at('store-mark'), 'utf8').replace(/\d{16}\n$/, '0000000000000000\n');
    writeFileSync(at('store-mark'), mark);
    const again = await open();
    await again.scrub();
    expect(again.quarantine()).toMatchObject({ files: 1, bytes: 5 });
    expect((await get(again, 'a')).toString()).toBe('alpha');
  });

  test('without the log that a crash left', async () => {
    const directory = await temporaryDirectory();
    const columns = columnCipher();
    const running = await openWithBucket({ directory, columns });
    for (const key of ['a', 'b']) await put(running, key, key);
    // As it lies there while the process lives, or after it was killed.
    const crashed = await temporaryDirectory();
    cpSync(directory, crashed, { recursive: true });
    expect(existsSync(join(crashed, 'index.db-wal'))).toBe(true);
    const whole = await temporaryDirectory();
    cpSync(crashed, whole, { recursive: true });
    rmSync(join(crashed, 'index.db-wal'));
    const { code, message } = await errorOf(openStore({ directory: crashed, columns }));
    expect(code).toBe('ServiceUnavailable');
    expect(message).toContain(join(crashed, 'index.db'));
    expect((await get(await openStore({ directory: whole, columns }), 'b')).toString()).toBe('b');
  });

  test('without the log of a crash long after the last start', async () => {
    const directory = await temporaryDirectory();
    const columns = columnCipher();
    await (await openWithBucket({ directory, columns })).close();
    const running = await openStore({ directory, columns });
    await put(running, 'a', 'a');
    // All so far is in the main file, then one more write is in the log alone.
    await running.scrub();
    await put(running, 'b', 'b');
    const crashed = await temporaryDirectory();
    cpSync(directory, crashed, { recursive: true });
    rmSync(join(crashed, 'index.db-wal'));
    expect((await errorOf(openStore({ directory: crashed, columns }))).message).toMatch(/older than the data/);
  });

  test('that of another directory', async () => {
    const [one, other] = [await home(), await home()];
    copyIndex(other.directory, one.directory);
    // Another keyring would be noticed first.
    const { message } = await errorOf(openStore({ directory: one.directory, columns: other.columns }));
    expect(message).toMatch(/it belongs to the store [0-9a-f]{32}, and this is the store [0-9a-f]{32}/);
    expect(await one.refused()).toMatch(/does not open with this keyring/);
  });

  test('whose store nobody knows any more', async () => {
    const { at, refused, open } = await home();
    const mark = readFileSync(at('store-mark'), 'utf8');
    rmSync(at('store-mark'));
    expect(await refused()).toMatch(/store-mark is missing/);
    const [, told] = /write it anew:\n([^]*)$/.exec(await refused()) ?? [];
    expect(told?.split('\n').slice(0, 2)).toEqual(mark.split('\n').slice(0, 2));
    writeFileSync(at('store-mark'), told ?? '');
    expect((await get(await open(), 'a')).toString()).toBe('alpha');
  });

  test.each<[string, (path: string) => void, RegExp]>([
    ['text', (path) => writeFileSync(path, 'key,value\n'.repeat(1000)), /file is not a database/],
    [
      'a damaged database',
      (path) => writeFileSync(path, damaged(readFileSync(path))),
      /malformed|not a database|damaged/,
    ],
    [
      'somebody else’s database',
      (path) => {
        rmSync(path);
        const foreign = new DatabaseSync(path);
        foreign.exec('CREATE TABLE songs (name TEXT)');
        foreign.close();
      },
      /SQLite database, but not the index of a store/,
    ],
    [
      'one of a newer release',
      (path) => edit(path, 'PRAGMA user_version = 99'),
      /version 99, and this release knows \d+/,
    ],
    [
      'a link',
      (path) => {
        rmSync(path);
        symlinkSync('/dev/null', path);
      },
      /no regular file/,
    ],
    [
      'a directory',
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
      /no regular file/,
    ],
  ])('%s in its place says what it is', async (_name, spoil, message) => {
    const { at, data, open } = await home();
    spoil(at('index.db'));
    const before = data();
    const failure = await errorOf(open());
    expect(failure.message).toMatch(message);
    expect(failure.code).toBe('ServiceUnavailable');
    expect(failure.message).toContain(at('index.db'));
    expect(data()).toEqual(before);
  });

  test('a foreign database is not even written to', async () => {
    const { at, open } = await home();
    rmSync(at('index.db'));
    const foreign = new DatabaseSync(at('index.db'));
    foreign.exec('CREATE TABLE songs (name TEXT)');
    foreign.close();
    const before = readFileSync(at('index.db'));
    await errorOf(open());
    expect(readFileSync(at('index.db')).equals(before)).toBe(true);
  });
});

describe('a start without data', () => {
  test('makes a store, also over an empty index and after a start that got no further', async () => {
    const directory = await temporaryDirectory();
    writeFileSync(join(directory, 'index.db'), '');
    const columns = columnCipher();
    const store = await openWithBucket({ directory, columns });
    await put(store, 'a', 'a');
    await store.close();
    expect((await get(await openStore({ directory, columns }), 'a')).toString()).toBe('a');

    const begun = await temporaryDirectory();
    writeFileSync(join(begun, 'store-mark'), `bucketseal store 1\n${'ab'.repeat(16)}\n0000000000000000\n`);
    await put(await openWithBucket({ directory: begun, columns }), 'a', 'a');
    expect(readFileSync(join(begun, 'store-mark'), 'utf8')).toMatch(
      /^bucketseal store 1\n(ab){16}\n00000000000000\d\d\n$/,
    );
  });

  test('refuses a mark that says nothing', async () => {
    const { at, open } = await home();
    writeFileSync(at('store-mark'), 'bucketseal');
    expect(await errorOf(open())).toMatchObject({ code: 'ServiceUnavailable', message: /store-mark is damaged/ });
  });
});

describe('quarantine', () => {
  test('holds what the index does not know, is told of, and lets go after thirty days', async () => {
    const { at, open } = await home();
    const unknown = 'ab'.repeat(16);
    mkdirSync(at('data/ab'), { recursive: true });
    writeFileSync(at(`data/ab/${unknown}`), 'whose is it');
    let now = Date.parse('2026-05-01T12:00:00Z');
    const store = await open(() => now);
    expect((await store.scrub()).orphans + (store.health().lastScrub?.orphans ?? 0)).toBeLessThanOrEqual(1);
    expect(readFileSync(at(`quarantine/2026-05-01/${unknown}`), 'utf8')).toBe('whose is it');
    expect(store.quarantine()).toEqual({
      files: 1,
      bytes: 11,
      oldest: Date.parse('2026-05-01'),
      names: [unknown],
    });
    now += 30 * DAY;
    await store.scrub();
    expect(store.quarantine().files).toBe(1);
    now += DAY;
    await store.scrub();
    expect(store.quarantine()).toEqual({ files: 0, bytes: 0, names: [] });
    expect(readdirSync(at('quarantine'))).toEqual([]);
    expect((await get(store, 'a')).toString()).toBe('alpha');
  });

  test('gives back what an index that was put right knows after all', async () => {
    const { at, open, data } = await home();
    const [path = '', ...others] = Object.keys(data());
    const name = path.slice(-32);
    mkdirSync(at('quarantine/2026-05-01'), { recursive: true });
    copyFileSync(at(`data/${path}`), at(`quarantine/2026-05-01/${name}`));
    rmSync(at(`data/${path}`));
    const store = await open();
    expect(Object.keys(data()).sort()).toEqual([path, ...others].sort());
    for (const key of ['a', 'b']) expect((await get(store, key)).toString()).toMatch(/alpha|beta/);
    expect(store.quarantine().files).toBe(0);
  });

  test('a file that a row names is never garbage', async () => {
    const { at, open, data } = await home();
    edit(at('index.db'), 'INSERT INTO garbage SELECT id FROM files');
    const store = await open();
    await put(store, 'c', 'gamma');
    expect(Object.keys(data())).toHaveLength(3);
    expect((await get(store, 'a')).toString()).toBe('alpha');
  });
});

test('the mark never runs ahead of what has committed', async () => {
  const { at, open } = await home();
  const marked = (): number => Number(readFileSync(at('store-mark'), 'utf8').split('\n')[2]);
  const store = await open();
  for (let round = 0; round < 3; round++) {
    const before = marked();
    await put(store, 'a', String(round));
    expect(marked()).toBeGreaterThan(before);
    const refused = put(store, 'a', '', { forbidOverwrite: true, content: plainContent([]) });
    const unchanged = marked();
    await errorOf(refused);
    expect(marked()).toBe(unchanged);
  }
  await store.close();
  const index = new DatabaseSync(at('index.db'));
  expect(index.prepare('SELECT epoch FROM store').get()).toEqual({ epoch: marked() });
  index.close();
});

function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.fill(0xa5, 100);
  return copy;
}

function edit(path: string, sql: string): void {
  const index = new DatabaseSync(path);
  index.exec(sql);
  index.close();
}
