import { createHash } from 'node:crypto';
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

export interface WatchOptions {
  /** ms between looks at the content, whatever the directory says. */
  readonly pollMs: number;
  /** ms of quiet after a directory event before the content is looked at; a file is written in several steps. */
  readonly debounceMs?: number;
}

export interface Watching {
  /** Looks now (SIGHUP, the admin call); true where the content had changed. */
  look(): Promise<boolean>;
  close(): void;
}

/**
 * Calls `onChange` once for each change of what the files hold. Watches their directories, because a mounted ConfigMap
 * swaps a symlink and a watch on the file itself fires once only, and polls a hash, because events get lost.
 */
export function watchFiles(files: readonly string[], onChange: () => void, options: WatchOptions): Watching {
  const paths = [...new Set(files.map((file) => resolve(file)))];
  let known: string | undefined;
  let queue = Promise.resolve(false);
  let closed = false;
  let debounce: NodeJS.Timeout | undefined;
  // Looks run one after the other: two at once could both see the same change.
  const look = (): Promise<boolean> => {
    queue = queue.then(async () => {
      const hash = await contentHash(paths);
      if (closed || hash === known) return false;
      const first = known === undefined;
      known = hash;
      if (!first) onChange();
      return !first;
    });
    return queue;
  };
  const soon = (): void => {
    clearTimeout(debounce);
    debounce = setTimeout(() => void look(), options.debounceMs ?? DEBOUNCE_MS).unref();
  };
  const watchers = [...new Set(paths.map((path) => dirname(path)))].flatMap((directory) => watcherOf(directory, soon));
  const poll = setInterval(() => void look(), options.pollMs).unref();
  void look();
  return {
    look,
    close: () => {
      closed = true;
      clearInterval(poll);
      clearTimeout(debounce);
      for (const watcher of watchers) watcher.close();
    },
  };
}

const DEBOUNCE_MS = 100;

/** Bigger files are told apart by size and time: nothing that is configured is that big. */
const HASHED_BYTES = 4 * 1024 * 1024;

function watcherOf(directory: string, onEvent: () => void): readonly FSWatcher[] {
  try {
    const watcher = watch(directory, { persistent: false }, onEvent);
    // A directory that vanishes, or a machine out of inotify handles: the poll goes on.
    watcher.on('error', () => watcher.close());
    return [watcher];
  } catch {
    return [];
  }
}

async function contentHash(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(`${path}\0`).update(await digestOf(path));
  return hash.digest('hex');
}

async function digestOf(path: string): Promise<Uint8Array> {
  const hash = createHash('sha256');
  try {
    const { size, mtimeMs } = await stat(path);
    return size > HASHED_BYTES
      ? hash.update(`large ${size} ${mtimeMs}`).digest()
      : hash
          .update('content ')
          .update(await readFile(path))
          .digest();
  } catch {
    return hash.update('absent').digest();
  }
}
