import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { watchFiles } from '../../../src/config/watch.ts';

function fresh(): string {
  return mkdtempSync(join(tmpdir(), 'bucketseal-watch-'));
}

/** Far beyond any test: what happens then is the directory's event, not the poll. */
const NEVER = 1e9;

describe('watching files', () => {
  test('a changed file is told once, by the directory event', async () => {
    const file = join(fresh(), 'policy.yaml');
    writeFileSync(file, 'a');
    const changed = vi.fn();
    const watching = watchFiles([file], changed, { pollMs: NEVER, debounceMs: 20 });
    try {
      await watching.look();
      writeFileSync(file, 'b');
      await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1), { timeout: 5000 });
      await sleep(100);
      expect(changed).toHaveBeenCalledTimes(1);
    } finally {
      watching.close();
    }
  });

  test('a mounted ConfigMap that swaps its symlink is told every time', async () => {
    const root = fresh();
    for (const [name, text] of [
      ['v1', 'a'],
      ['v2', 'b'],
      ['v3', 'c'],
    ] as const) {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, 'policy.yaml'), text);
    }
    symlinkSync('v1', join(root, '..data'));
    symlinkSync('..data/policy.yaml', join(root, 'policy.yaml'));
    const changed = vi.fn();
    const watching = watchFiles([join(root, 'policy.yaml')], changed, { pollMs: NEVER, debounceMs: 20 });
    try {
      await watching.look();
      for (const [index, version] of ['v2', 'v3'].entries()) {
        symlinkSync(version, join(root, '..data_tmp'));
        renameSync(join(root, '..data_tmp'), join(root, '..data'));
        await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(index + 1), { timeout: 5000 });
      }
    } finally {
      watching.close();
    }
  });

  test('the poll finds what no event told', async () => {
    const root = fresh();
    const file = join(root, 'later/policy.yaml');
    const changed = vi.fn();
    const watching = watchFiles([file], changed, { pollMs: 20 });
    try {
      await watching.look();
      mkdirSync(join(root, 'later'));
      writeFileSync(file, 'a');
      await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1), { timeout: 5000 });
    } finally {
      watching.close();
    }
  });

  test('the same content written again is no change; a vanished file is one', async () => {
    const file = join(fresh(), 'policy.yaml');
    writeFileSync(file, 'a');
    const changed = vi.fn();
    const watching = watchFiles([file], changed, { pollMs: NEVER, debounceMs: NEVER });
    try {
      await expect(watching.look()).resolves.toBe(false);
      writeFileSync(file, 'a');
      await expect(watching.look()).resolves.toBe(false);
      rmSync(file);
      await expect(watching.look()).resolves.toBe(true);
      expect(changed).toHaveBeenCalledTimes(1);
    } finally {
      watching.close();
    }
  });

  test('nothing is told after close', async () => {
    const file = join(fresh(), 'policy.yaml');
    writeFileSync(file, 'a');
    const changed = vi.fn();
    const watching = watchFiles([file], changed, { pollMs: 10, debounceMs: 10 });
    await watching.look();
    watching.close();
    writeFileSync(file, 'b');
    await sleep(100);
    expect(changed).not.toHaveBeenCalled();
  });
});
