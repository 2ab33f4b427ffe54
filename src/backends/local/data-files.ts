import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { chmod, link, lstat, mkdir, open, opendir, readdir, statfs, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError } from '../../model/errors.ts';
import { internalError, storeFailure, systemCode } from './failures.ts';
import { readFilePieces, type Grain } from './file-reads.ts';
import type { Failpoint } from './ports.ts';
import { createReadAhead } from './read-ahead.ts';

/** A file that is durable and in place, but that no committed row names yet. */
export interface StagedFile {
  readonly id: string;
  /** Bytes on disk. */
  readonly length: number;
  /** The row has committed: forget that the file was ever in doubt. */
  settle(): Promise<void>;
  /** The row will never come. */
  discard(): Promise<void>;
  /** Nobody knows whether the row came: the next start decides. */
  leave(): void;
}

/** Files named by opaque ids: no byte of a key ever reaches a path. */
export interface DataFiles {
  write(content: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<StagedFile>;
  /** Inclusive positions. Throws when the file is not what the index says; never ends early. */
  read(
    file: { readonly id: string; readonly length: number },
    first: number,
    last: number,
    grain?: Grain,
  ): AsyncIterableIterator<Uint8Array, undefined>;
  remove(id: string): Promise<void>;
  /** Length of a regular file; undefined where there is none. */
  lengthOf(id: string): Promise<number | undefined>;
  /** A write of this process holds the file, committed or not. */
  inDoubt(id: string): boolean;
  /** Files that were in doubt when the last process ended. */
  leftovers(): Promise<readonly string[]>;
  dropLeftover(name: string): Promise<void>;
  /** Where a file, and what a write in doubt left, lies; for the quarantine. */
  pathOf(id: string): string;
  leftoverPath(name: string): string;
  /** Makes the place of a file that comes back. */
  prepare(id: string): Promise<void>;
  /** Every file with its id; `undefined` as id for what does not belong here. */
  walk(): AsyncGenerator<{ readonly id: string | undefined; readonly path: string }>;
}

/** What a failed fsync and other disk failures are told to. */
export type DiskFailure = (stage: 'write' | 'sync' | 'link', error: unknown) => void;

export const OPAQUE_ID = /^[0-9a-f]{32}$/;
/** Bytes at least per write: every one is a trip through the thread pool, and clients are many. */
const BLOCK = 512 * 1024;
/** Bytes of one write between two looks at the free space. */
const ROOM_CHECK = 8 * 1024 * 1024;
/** Chunks per writev: half of Linux's IOV_MAX. */
const MOST_CHUNKS = 512;

/** Opens `data/` and `tmp/` under the store's directory. */
export async function openDataFiles(options: {
  readonly directory: string;
  readonly randomBytes: (size: number) => Buffer;
  readonly failpoint: Failpoint;
  readonly failed: DiskFailure;
  /** Bytes that data leaves free. */
  readonly reserve: number;
}): Promise<DataFiles> {
  const { directory, failpoint, failed } = options;
  const data = join(directory, 'data');
  const temporary = join(directory, 'tmp');
  for (const path of [data, temporary]) await makeDirectory(path);
  await syncDirectory(directory);
  const knownDirectories = new Set<string>();
  const doubtful = new Set<string>();
  const ahead = createReadAhead();

  const directoryOf = (id: string): string => join(data, id.slice(0, 2));
  const pathOf = (id: string): string => join(directoryOf(id), id);
  const temporaryOf = (id: string): string => join(temporary, id);

  // Deleting needs room too, in the index: a disk that data had filled to the brim could never be emptied again.
  const requireRoom = async (): Promise<void> => {
    const { bavail, bsize } = await statfs(directory);
    if (bavail * bsize < options.reserve) throw Object.assign(new Error('the reserve is reached'), { code: 'ENOSPC' });
  };

  const prepareDirectory = async (id: string): Promise<string> => {
    const directory = directoryOf(id);
    if (!knownDirectories.has(directory)) {
      if (await makeDirectory(directory)) await syncDirectory(data);
      knownDirectories.add(directory);
    }
    return directory;
  };

  const place = async (id: string, linked: () => void): Promise<void> => {
    let stage: 'link' | 'sync' = 'link';
    try {
      const parent = await prepareDirectory(id);
      // link() never replaces: whatever was planted at the path makes the write fail.
      await link(temporaryOf(id), pathOf(id));
      linked();
      await failpoint('after-link');
      stage = 'sync';
      await syncDirectory(parent);
    } catch (error) {
      failed(stage, error);
      throw error;
    }
  };

  const discard = async (id: string, linked: boolean): Promise<void> => {
    if (linked) await removeQuietly(pathOf(id));
    await removeQuietly(temporaryOf(id));
    doubtful.delete(id);
  };

  return {
    write: async (content, signal) => {
      const id = options.randomBytes(16).toString('hex');
      doubtful.add(id);
      let linked = false;
      try {
        const length = await fill(temporaryOf(id), content, signal, { failpoint, failed, requireRoom });
        await place(id, () => {
          linked = true;
        });
        return {
          id,
          length,
          settle: async () => {
            await removeQuietly(temporaryOf(id));
            doubtful.delete(id);
          },
          discard: () => discard(id, true),
          leave: () => undefined,
        };
      } catch (error) {
        // What is at the data path belongs to us only if link() made it.
        await discard(id, linked);
        throw storeFailure(error);
      }
    },
    read: (file, first, last, grain) =>
      readFilePieces(
        { path: pathOf(file.id), length: file.length, first, last, ...(grain === undefined ? {} : { grain }) },
        ahead,
      ),
    remove: (id) => removeQuietly(pathOf(id)),
    lengthOf: async (id) => {
      const found = await statOf(pathOf(id));
      return found?.isFile() === true ? found.size : undefined;
    },
    inDoubt: (id) => doubtful.has(id),
    leftovers: () => readdir(temporary),
    dropLeftover: (name) => removeQuietly(join(temporary, name)),
    pathOf,
    leftoverPath: temporaryOf,
    prepare: async (id) => {
      await prepareDirectory(id);
    },
    walk: () => walkFiles(data),
  };
}

async function fill(
  path: string,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
  hooks: {
    readonly failpoint: Failpoint;
    readonly failed: DiskFailure;
    readonly requireRoom: () => Promise<void>;
  },
): Promise<number> {
  const { failpoint, failed, requireRoom } = hooks;
  await attempt('write', failed, requireRoom);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const handle = await attempt('write', failed, () => open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
  try {
    await failpoint('after-create');
    let length = 0;
    let held: Uint8Array[] = [];
    let heldBytes = 0;
    const flush = async (): Promise<void> => {
      const [chunks, size, position] = [held, heldBytes, length];
      [held, heldBytes] = [[], 0];
      await attempt('write', failed, async () => {
        if (Math.floor(position / ROOM_CHECK) < Math.floor((position + size) / ROOM_CHECK)) await requireRoom();
        await writeAll(handle, chunks, size, position);
        await failpoint('after-chunk');
      });
      length += size;
    };
    for await (const chunk of content) {
      if (signal?.aborted === true) throw stopped(signal);
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes >= BLOCK || held.length >= MOST_CHUNKS) await flush();
    }
    if (signal?.aborted === true) throw stopped(signal);
    if (heldBytes > 0) await flush();
    // A failed fsync is never repeated on this descriptor: the kernel has marked the pages clean, the bytes are gone.
    await attempt('sync', failed, async () => {
      await failpoint('before-sync');
      await handle.datasync();
    });
    await failpoint('after-sync');
    return length;
  } finally {
    await handle.close();
  }
}

/** Whoever stopped the write has said why; else the client has gone. */
function stopped({ reason }: AbortSignal): GatewayError {
  return reason instanceof GatewayError
    ? reason
    : new GatewayError('RequestTimeout', 'The client has gone before its request was complete.');
}

async function attempt<T>(stage: 'write' | 'sync', failed: DiskFailure, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    failed(stage, error);
    throw error;
  }
}

async function writeAll(handle: FileHandle, chunks: Uint8Array[], size: number, position: number): Promise<void> {
  let { bytesWritten } = await handle.writev(chunks, position);
  if (bytesWritten === size) return;
  // A short write (signal, nearly full disk): the rest, which then succeeds or says why not.
  const rest = Buffer.concat(chunks, size);
  while (bytesWritten < size) {
    const more = await handle.write(rest, bytesWritten, size - bytesWritten, position + bytesWritten);
    bytesWritten += more.bytesWritten;
  }
}

async function* walkFiles(
  data: string,
): AsyncGenerator<{ readonly id: string | undefined; readonly path: string }, void, undefined> {
  for (const entry of await readdir(data, { withFileTypes: true })) {
    if (!entry.isDirectory()) yield { id: undefined, path: entry.name };
    else
      // One at a time: a directory of a large store has many thousand files.
      for await (const file of await opendir(join(data, entry.name))) {
        const ours = file.isFile() && OPAQUE_ID.test(file.name) && file.name.startsWith(entry.name);
        yield { id: ours ? file.name : undefined, path: `${entry.name}/${file.name}` };
      }
  }
}

/** True if it was created. A symbolic link in its place is refused: it could lead out of the store. */
async function makeDirectory(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    await chmod(path, 0o700);
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    if (!(await lstat(path)).isDirectory()) throw internalError('a directory of the store is something else');
    return false;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw storeFailure(error);
  }
}

async function removeQuietly(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch {
    // Gone already, or the next start or scrub meets it again.
  }
}
