import { constants, type BigIntStats } from 'node:fs';
import { link, open, rename, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatKeyStore, parseKeyStore, type KeyStore } from './key-store.ts';

/** The keyring file cannot be trusted or used; the message says what to do. */
export class KeyringFileError extends Error {
  override readonly name: string = 'KeyringFileError';
}

/** A keyring as it was read, with the mark that tells whether the file has changed since. */
export interface ReadKeyStore {
  readonly store: KeyStore;
  readonly mark: string;
}

const MODE = 0o600;
/** Any bit for group or others, and execute for the owner: only 0600 and 0400 pass. */
const FORBIDDEN_BITS = 0o177n;

/** Reads a keyring file; undefined where there is none. Refuses symbolic links, other owners and open modes. */
export async function readKeyFile(file: string): Promise<ReadKeyStore | undefined> {
  let handle: FileHandle;
  try {
    // O_NOFOLLOW and fstat on the handle: a link planted between check and open would be followed otherwise.
    // O_NONBLOCK: opening a FIFO must not hang the start.
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    if (codeOf(error) === 'ELOOP')
      throw new KeyringFileError(`${file} is a symbolic link; the keyring must be a regular file.`);
    throw new KeyringFileError(`${file} cannot be opened: ${String(codeOf(error))}.`, { cause: error });
  }
  try {
    const stats = await handle.stat({ bigint: true });
    checkStats(file, stats);
    return { store: parseKeyStore(await handle.readFile('utf8'), file), mark: markOf(stats) };
  } finally {
    await handle.close();
  }
}

/** The mark of the file as it lies there now; undefined where there is none. */
export async function markOfFile(file: string): Promise<string | undefined> {
  try {
    return markOf(await stat(file, { bigint: true }));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Another process has changed the keyring, or taken the lock over, since it was read: nothing was written. */
export class KeyringOvertaken extends KeyringFileError {}

/**
 * Puts a keyring in place of the file in one step that a crash cannot split: written to `aside`, which must be there,
 * synced, then renamed. `mark` is that of the file as it was read; without one an existing file is never replaced.
 * Rejects with `KeyringOvertaken` where the file or `aside` is not what it was.
 */
export async function writeKeyFile(
  file: string,
  store: KeyStore,
  options: { readonly mark: string | undefined; readonly aside: string },
): Promise<void> {
  const { mark, aside } = options;
  const overtaken = (cause?: unknown): KeyringOvertaken =>
    new KeyringOvertaken(`${file} was changed by another process meanwhile; nothing was written.`, { cause });
  try {
    // Never created here: who took the lock over has removed it.
    const handle = await open(aside, constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW);
    try {
      await handle.chmod(MODE);
      await handle.writeFile(formatKeyStore(store), 'utf8');
      await handle.sync();
    } finally {
      await handle.close();
    }
    if ((await markOfFile(file)) !== mark) throw overtaken();
    if (mark === undefined) await link(aside, file);
    else await rename(aside, file);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EEXIST') throw overtaken(error);
    throw error;
  }
  await syncDirectory(dirname(file));
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function checkStats(file: string, stats: BigIntStats): void {
  if (!stats.isFile()) throw new KeyringFileError(`${file} is not a regular file.`);
  const owner = process.geteuid?.();
  if (owner !== undefined && stats.uid !== BigInt(owner)) {
    throw new KeyringFileError(`${file} belongs to user ${stats.uid.toString()}, not to this process (${owner}).`);
  }
  if ((stats.mode & FORBIDDEN_BITS) !== 0n) {
    const mode = (stats.mode & 0o7777n).toString(8).padStart(4, '0');
    throw new KeyringFileError(`${file} has mode ${mode}; others could use its keys. Run: chmod 600 ${file}`);
  }
}

function markOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
