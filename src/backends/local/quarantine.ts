import { link, lstat, mkdir, open, opendir, readdir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { QuarantineReport } from '../../model/backend.ts';
import { systemCode } from './failures.ts';

/**
 * Where files go that the index does not know: an index may be wrong, so nothing is removed because it says nothing.
 * Each lies under the day on which it came.
 */
export interface Quarantine {
  /** Moves the file at `path` here, as `name`. */
  take(path: string, name: string, now: number): Promise<void>;
  /** Moves a file back to where it belongs; false where there is none of that name. */
  giveBack(name: string, path: string): Promise<boolean>;
  each(): AsyncGenerator<QuarantinedFile>;
  /** Removes what came before `time` (ms); answers how many files. */
  expire(time: number): Promise<number>;
}

export interface QuarantinedFile {
  readonly name: string;
  /** ms: the day on which it came. */
  readonly since: number;
  readonly bytes: number;
}

/** ms that a file stays. */
export const QUARANTINE_AGE = 30 * 24 * 60 * 60 * 1000;
const DAY = 24 * 60 * 60 * 1000;
const DAY_NAME = /^\d{4}-\d\d-\d\d$/;

export function openQuarantine(directory: string): Quarantine {
  const root = join(directory, 'quarantine');

  const days = async (): Promise<readonly string[]> => {
    try {
      return (await readdir(root)).filter((name) => DAY_NAME.test(name)).sort();
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  };

  return {
    take: async (path, name, now) => {
      const day = join(root, new Date(now).toISOString().slice(0, 10));
      if ((await mkdir(day, { recursive: true, mode: 0o700 })) !== undefined) await sync(root);
      await move(path, await freeName(day, name));
    },
    giveBack: async (name, path) => {
      for (const day of (await days()).toReversed()) {
        const from = join(root, day, name);
        if ((await lstat(from).catch(() => undefined))?.isFile() !== true) continue;
        await move(from, path);
        return true;
      }
      return false;
    },
    each: async function* () {
      for (const day of await days())
        for await (const entry of await opendir(join(root, day))) {
          const found = await lstat(join(root, day, entry.name)).catch(() => undefined);
          if (found?.isFile() === true) yield { name: entry.name, since: Date.parse(day), bytes: found.size };
        }
    },
    expire: async (time) => {
      let removed = 0;
      for (const day of await days()) {
        if (Date.parse(day) + DAY > time) break;
        for (const entry of await readdir(join(root, day), { withFileTypes: true })) {
          if (!entry.isFile()) continue;
          await unlink(join(root, day, entry.name));
          removed++;
        }
        // What somebody else put there stays, and its day with it.
        await rmdir(join(root, day)).catch(() => undefined);
      }
      return removed;
    },
  };
}

/** What lies there now, for operators. */
export async function quarantineReport(quarantine: Quarantine): Promise<QuarantineReport> {
  const names: string[] = [];
  let [files, bytes, oldest] = [0, 0, Infinity];
  for await (const file of quarantine.each()) {
    files++;
    bytes += file.bytes;
    oldest = Math.min(oldest, file.since);
    if (names.length < MOST_NAMES) names.push(file.name);
  }
  return { files, bytes, ...(files > 0 && { oldest }), names };
}

const MOST_NAMES = 100;

async function freeName(day: string, name: string): Promise<string> {
  for (let count = 0; ; count++) {
    const path = join(day, count === 0 ? name : `${name}.${count}`);
    if ((await lstat(path).catch(() => undefined)) === undefined) return path;
  }
}

/** Linked and synced first: a crash leaves the file in both places, never in none. */
async function move(from: string, to: string): Promise<void> {
  await link(from, to);
  await sync(join(to, '..'));
  await unlink(from);
}

async function sync(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
