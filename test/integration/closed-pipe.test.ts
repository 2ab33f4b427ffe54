import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

/** Runs a command whose reader has gone before it says a word, as `| head` and `| grep -q` do. */
function unread(argv: readonly string[], closed: 'stdout' | 'both' = 'stdout'): Promise<Ended> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, ['src/main.ts', ...argv], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout.destroy();
    if (closed === 'both') child.stderr.destroy();
    child.on('error', reject);
    child.on('close', (code) => done({ code, stderr }));
  });
}

test.each([
  [0, ['schema', 'gateway']],
  [0, ['check', '--config', 'config/quickstart.yaml', '--json']],
  [3, ['check', '--config', 'test/vectors/config/gateway/alias-to-nowhere.yaml']],
  [2, ['diff', 'config/policy.yaml', 'config/strict/policy.yaml']],
  [0, ['--help']],
] as const)('nobody reads: exit code %i and not a word of %j', { timeout: 60_000 }, async (code, argv) => {
  expect(await unread(argv)).toEqual({ code, stderr: '' });
});

test('nor does a complaint that nobody reads end in a crash', { timeout: 60_000 }, async () => {
  expect((await unread(['nonsense'], 'both')).code).toBe(64);
  expect((await unread(['keys', 'list', '--config', 'test/vectors/config/gateway/empty.yaml'], 'both')).code).not.toBe(
    1,
  );
});
