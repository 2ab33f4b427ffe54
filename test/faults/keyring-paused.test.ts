import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { withKeyLock } from '../../src/keyrings/local/key-lock.ts';
import { openLocalKeyring } from '../../src/keyrings/local/keyring.ts';

const CONTEXT = { gw: 'bucketseal/v1', tenant: '', bucket: 'b', oid: 'o' } as const;
/** Longer than a lock lives. */
const LATER = 31_000;

async function keyringFile(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'keyring-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'keyring.json');
}

function isStopped(child: ChildProcess): boolean {
  return / \(.*\) T /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8'));
}

// Draws: the lock's token, then the new key (asleep in the middle of the change), then the lock's removal (after it).
test.runIf(process.platform === 'linux').each([
  [0, 'before it has the lock'],
  [1, 'while it has the lock'],
  [2, 'after its change, before it lets go'],
])('a process that sleeps after %i draws, %s, undoes nobody and loses nothing', async (draws) => {
  const file = await keyringFile();
  const first = await openLocalKeyring({ file, now: Date.now, randomBytes });
  await first.ensure(['orders']);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'keyring-sleeper.ts'), file, String(draws)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await vi.waitFor(() => expect(isStopped(child)).toBe(true), { timeout: 20_000 });

  const other = await openLocalKeyring({ file, now: () => Date.now() + LATER, randomBytes });
  const made = await other.rotate('orders');
  const dek = randomBytes(32);
  const wrapped = await other.wrap('orders', dek, CONTEXT);
  expect(wrapped.keyVersion).toBe(made);

  const ended = once(child, 'exit');
  child.kill('SIGCONT');
  expect(await ended).toEqual([0, null]);
  expect(new Set([made, printed])).toEqual(new Set(['2', '3']));
  const after = await openLocalKeyring({ file, now: Date.now, randomBytes });
  expect((await after.list()).find(({ keyId }) => keyId === 'orders')).toMatchObject({ versions: 3, current: '3' });
  expect(Buffer.from(await after.unwrap(wrapped, CONTEXT))).toEqual(dek);
  expect(readdirSync(join(file, '..'))).toEqual(['keyring.json']);
});

test('a holder whose lock was taken over leaves the lock of the other alone', async () => {
  const file = await keyringFile();
  const clock = (ahead: number) => ({ now: () => Date.now() + ahead, suffix: () => randomBytes(8).toString('hex') });
  const [sleeping, waking] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
  const sleeper = withKeyLock(file, clock(0), async () => {
    sleeping.resolve(undefined);
    await waking.promise;
  });
  await sleeping.promise;
  await withKeyLock(file, clock(LATER), async ({ aside }) => {
    waking.resolve(undefined);
    await sleeper;
    expect(readdirSync(join(file, '..')).sort()).toEqual([
      aside.slice(aside.lastIndexOf('/') + 1),
      'keyring.json.lock',
    ]);
  });
  expect(readdirSync(join(file, '..'))).toEqual([]);
});

test('several that find the same lock stale do not hold it together', async () => {
  const file = await keyringFile();
  const clock = { now: Date.now, suffix: () => randomBytes(8).toString('hex') };
  let most = 0;
  await withKeyLock(file, clock, async () => {
    const longAgo = new Date(Date.now() - LATER);
    await utimes(`${file}.lock`, longAgo, longAgo);
    let holders = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++holders);
      await new Promise((done) => setTimeout(done, 5));
      holders--;
    };
    await Promise.all([1, 2, 3, 4].map(() => withKeyLock(file, clock, work)));
  });
  expect(most).toBe(1);
});
