import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ColumnCipher } from '../../src/backends/local/ports.ts';
import { get, openStore, temporaryDirectory } from '../unit/backends/local/support.ts';

const TRACER = spawnSync('strace', ['-qq', '-o', '/dev/null', '-e', 'trace=none', 'true']).status === 0;
const COLUMNS: ColumnCipher = {
  seal: (text) => Buffer.from(text),
  open: (blob) => Buffer.from(blob).toString('utf8'),
};

interface Seen {
  readonly outcomes: readonly string[];
  readonly failures: { readonly write: number; readonly sync: number; readonly link: number };
}

/** Runs the writer with one call of `syscall` failing with EIO. Calls are counted by thread: the pool has one here. */
function writeWithFailure(directory: string, syscall: string, at: number): Seen | undefined {
  const inject = [
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    `trace=${syscall}`,
    '-e',
    `inject=${syscall}:error=EIO:when=${at}`,
  ];
  const writer = join(import.meta.dirname, 'local-sync-failure-writer.ts');
  const { stdout } = spawnSync('strace', [...inject, process.execPath, writer, directory], {
    encoding: 'utf8',
    timeout: 30_000,
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
  });
  return stdout === '' ? undefined : (JSON.parse(stdout) as Seen);
}

async function storedAfter(directory: string): Promise<string> {
  const store = await openStore({ directory, columns: COLUMNS });
  const report = await store.scrub();
  expect([report.missing, report.damaged, report.orphans]).toEqual([0, 0, 0]);
  const body = (await get(store, 'a', { bucket: 'sync' })).toString();
  await store.close();
  return body;
}

describe.skipIf(!TRACER)('a sync that fails (needs strace)', () => {
  test('on the data fails that write alone, and is counted', async () => {
    for (const at of [2, 6]) {
      const directory = join(await temporaryDirectory(), 'store');
      const seen = writeWithFailure(directory, 'fdatasync', at);
      const expected = Array.from({ length: 7 }, (_, index) => (index === at ? 'InternalError' : 'ok'));
      expect(seen).toEqual({ outcomes: expected, failures: { write: 0, sync: 1, link: 0 } });
      expect(await storedAfter(directory)).toBe(at === 6 ? 'v4' : 'v5');
    }
  });

  test('on a directory or the index never loses what was acknowledged', async () => {
    let failed = 0;
    // How many syncs opening takes depends on timing: the window is wide enough that several always meet a write.
    for (let at = 2; at <= 24; at++) {
      const directory = join(await temporaryDirectory(), 'store');
      const seen = writeWithFailure(directory, 'fsync', at);
      // The store did not even open: nothing was acknowledged.
      if (seen?.outcomes[0] !== 'ok') continue;
      if (seen.outcomes.some((outcome) => outcome !== 'ok')) failed++;
      const acknowledged = seen.outcomes.lastIndexOf('ok') - 1;
      const body = await storedAfter(directory);
      // The last acknowledged version, or a later one whose fate was unknown.
      expect(Number(body.slice(1)), `sync ${at}: ${seen.outcomes.join()} but ${body}`).toBeGreaterThanOrEqual(
        acknowledged,
      );
    }
    expect(failed).toBeGreaterThan(2);
  });
});
