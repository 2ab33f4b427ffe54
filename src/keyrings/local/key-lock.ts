import { constants } from 'node:fs';
import { link, open, rename, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { codeOf, KeyringFileError } from './key-file.ts';

/** A change takes milliseconds; a lock this old belongs to a process that died, or that sleeps. */
const STALE_MS = 30_000;
const RETRY_MS = 20;
/** Outlasts a stale lock, so that a crash never blocks a start for good. */
const PATIENCE_MS = STALE_MS + 5_000;
const TOKEN = /^[0-9a-f]{1,64}$/;

/** What the holder of a lock has. */
export interface KeyLock {
  /**
   * A file of the holder's own beside the keyring, made before the lock was taken and never made again. The change is
   * written there and renamed into place: whoever takes the lock over removes it, and with it the sleeper's last step.
   */
  readonly aside: string;
}

interface Clock {
  readonly now: () => number;
  /** Random hex that nobody else has. */
  readonly suffix: () => string;
}

/**
 * Runs a change of the keyring while no other process changes it: a command that rotates a key beside a running
 * gateway must not be undone by the gateway's own next write, or the new version and all under it would be lost.
 */
export async function withKeyLock<T>(file: string, clock: Clock, change: (lock: KeyLock) => Promise<T>): Promise<T> {
  const lock = `${file}.lock`;
  const token = clock.suffix();
  const aside = asideOf(file, token);
  await create(aside, '');
  let taken = false;
  try {
    for (let waited = 0; !(taken = await take(lock, token)); waited += RETRY_MS) {
      if (waited > PATIENCE_MS) throw new KeyringFileError(`${lock} is held by another process.`);
      await takeOver(file, clock);
      await setTimeout(RETRY_MS);
    }
    return await change({ aside });
  } finally {
    if (taken) await removeLock(file, token, clock).catch(() => undefined);
    await unlink(aside).catch(() => undefined);
  }
}

function asideOf(file: string, token: string): string {
  return join(dirname(file), `.${basename(file)}.${token}`);
}

/** Linked, so that the lock is there with its holder's token or not at all. */
async function take(lock: string, token: string): Promise<boolean> {
  const claim = `${lock}.${token}`;
  await create(claim, token);
  try {
    await link(claim, lock);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw uncreatable(lock, error);
  } finally {
    await unlink(claim).catch(() => undefined);
  }
}

async function create(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw uncreatable(path, error);
  }
}

function uncreatable(path: string, error: unknown): KeyringFileError {
  return new KeyringFileError(`${path} cannot be created: ${String(codeOf(error))}.`, { cause: error });
}

async function takeOver(file: string, clock: Clock): Promise<void> {
  const holder = await holderOf(`${file}.lock`);
  if (holder === undefined || clock.now() - holder.since < STALE_MS) return;
  await disarm(file, holder.token);
  await removeLock(file, holder.token, clock);
}

/** From here on the holder of that token puts nothing in place any more. */
async function disarm(file: string, token: string): Promise<void> {
  // Release 0.1.0 wrote no token; its lock is only removed.
  if (TOKEN.test(token)) await ignoringAbsence(unlink(asideOf(file, token)));
}

/** Removes the lock if it is that token's: moved first, since between a look and a removal another may have taken it. */
async function removeLock(file: string, token: string, clock: Clock): Promise<void> {
  const lock = `${file}.lock`;
  if ((await holderOf(lock))?.token !== token) return;
  const moved = `${lock}.${clock.suffix()}`;
  await ignoringAbsence(rename(lock, moved));
  const found = await holderOf(moved);
  if (found === undefined) return;
  if (found.token !== token && !(await putBack(moved, lock))) await disarm(file, found.token);
  await unlink(moved);
}

async function putBack(moved: string, lock: string): Promise<boolean> {
  try {
    await link(moved, lock);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function holderOf(lock: string): Promise<{ readonly token: string; readonly since: number } | undefined> {
  try {
    const handle = await open(lock, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return { token: await handle.readFile('utf8'), since: (await handle.stat()).mtimeMs };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function ignoringAbsence(removal: Promise<void>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
