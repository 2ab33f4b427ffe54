import { constants } from 'node:fs';
import { open, rename, stat, unlink } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { codeOf, KeyringFileError } from './key-file.ts';

/** A change takes milliseconds; a lock this old belongs to a process that died. */
const STALE_MS = 30_000;
const RETRY_MS = 20;
/** Outlasts a stale lock, so that a crash never blocks a start for good. */
const PATIENCE_MS = STALE_MS + 5_000;

/**
 * Runs a change of the keyring while no other process changes it: a command that rotates a key beside a running
 * gateway must not be undone by the gateway's own next write, or the new version and all under it would be lost.
 */
export async function withKeyLock<T>(
  file: string,
  clock: { readonly now: () => number; readonly suffix: () => string },
  change: () => Promise<T>,
): Promise<T> {
  const lock = `${file}.lock`;
  for (let waited = 0; !(await take(lock)); waited += RETRY_MS) {
    if (waited > PATIENCE_MS) throw new KeyringFileError(`${lock} is held by another process.`);
    await breakStale(lock, clock);
    await setTimeout(RETRY_MS);
  }
  try {
    return await change();
  } finally {
    await unlink(lock).catch(() => undefined);
  }
}

async function take(lock: string): Promise<boolean> {
  try {
    const handle = await open(
      lock,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o600,
    );
    await handle.close();
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw new KeyringFileError(`${lock} cannot be created: ${String(codeOf(error))}.`, { cause: error });
  }
}

/** Renamed first: of several that find the lock stale, one gets it. */
async function breakStale(lock: string, clock: { now: () => number; suffix: () => string }): Promise<void> {
  try {
    if (clock.now() - (await stat(lock)).mtimeMs < STALE_MS) return;
    const aside = `${lock}.${clock.suffix()}`;
    await rename(lock, aside);
    await unlink(aside);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
