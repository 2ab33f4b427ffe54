import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CommitError, openIndex } from '../../../../src/backends/local/index-database.ts';
import type { IndexDatabase } from '../../../../src/backends/local/index-database.ts';
import { upgradeIndex } from '../../../../src/backends/local/upgrade.ts';
import type { LocalStore } from '../../../../src/backends/local/store.ts';
import { codeOf, columnCipher, get, openStore, openWithBucket, put, temporaryDirectory } from './support.ts';

/** An index without a store around it. */
async function openBare(): Promise<IndexDatabase> {
  const context = { columns: columnCipher(), log: () => undefined, id: 'ab'.repeat(16) };
  return openIndex(join(await temporaryDirectory(), 'index.db'), {
    prepare: (opening, version) => upgradeIndex(opening, version, context),
  });
}

const INSERT = 'INSERT INTO garbage (id) VALUES (?)';

describe('the index', () => {
  test('work of one turn shares a commit, and only the failing part is rolled back', async () => {
    const index = await openBare();
    const outcomes = await Promise.allSettled([
      index.commit(() => index.run(INSERT, 'a')),
      index.commit(() => {
        index.run(INSERT, 'b');
        throw new Error('mine alone');
      }),
      index.commit(() => index.run(INSERT, 'c')),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(index.all('SELECT id FROM garbage ORDER BY id').map((row) => row['id'])).toEqual(['a', 'c']);
    index.close();
  });

  test('says so when it does not know whether a commit lasts', async () => {
    const index = await openBare();
    const pending = index.commit(() => index.run(INSERT, 'a'));
    index.close();
    await expect(pending).rejects.toBeInstanceOf(CommitError);
  });

  test('gives the room of what was deleted back to the disk', async () => {
    const index = await openBare();
    const pages = (): number => Number(index.get('PRAGMA page_count')?.['page_count']);
    const before = pages();
    await index.commit(() => {
      for (let at = 0; at < 3000; at++) index.run(INSERT, `${at}`.padStart(2000, '0'));
    });
    expect(pages()).toBeGreaterThan(before + 1000);
    await index.commit(() => index.run('DELETE FROM garbage'));
    let rounds = 1;
    while (index.compact()) rounds++;
    expect(rounds).toBeGreaterThan(1);
    expect(pages()).toBeLessThan(before + 50);
    index.close();
  });

  test('a file whose commit is in doubt stays until the next start decides', async () => {
    const directory = await temporaryDirectory();
    const columns = columnCipher();
    const closing: { store?: LocalStore } = {};
    const store = await openWithBucket({
      directory,
      columns,
      failpoint: async (name) => {
        if (name === 'before-commit') await closing.store?.close();
      },
    });
    await put(store, 'a', 'old');
    closing.store = store;
    expect(await codeOf(put(store, 'a', 'new'))).toBe('InternalError');
    expect(readdirSync(join(directory, 'tmp'))).toHaveLength(1);
    const again = await openStore({ directory, columns });
    expect((await get(again, 'a')).toString()).toBe('old');
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
    expect((await again.scrub()).files).toBe(1);
  });
});
