import { OPAQUE_ID } from './data-files.ts';
import { integer, text } from './index-database.ts';
import { QUARANTINE_AGE } from './quarantine.ts';
import type { Room } from './room.ts';

/** What a scrub found; `missing` and `damaged` name objects' or parts' files that must be restored from elsewhere. */
export interface ScrubReport {
  readonly files: number;
  /** Files that no row names: put into quarantine. */
  readonly orphans: number;
  /** Rows whose file is gone. */
  readonly missing: number;
  /** Files of another length than their row says. */
  readonly damaged: number;
  /** Entries that are no files of this store: left alone. */
  readonly foreign: number;
}

/**
 * Removes garbage one round after the other: `kick` asks for a round, `idle` resolves when none runs. Files that
 * readers hold wait until they are done.
 */
export function createCollector(room: () => Room): { readonly kick: () => void; readonly idle: () => Promise<void> } {
  let running: Promise<void> | undefined;
  let again = false;
  const kick = (): void => {
    again = true;
    running ??= rounds();
  };
  const rounds = async (): Promise<void> => {
    try {
      // One turn later: `running` is set by then, and commits of this turn are seen together.
      await Promise.resolve();
      while (again) {
        again = false;
        await collectOnce(room());
      }
    } catch (error) {
      room().log('warn', 'garbage stays for now', { reason: String(error) });
    } finally {
      running = undefined;
    }
  };
  return { kick, idle: async () => running };
}

/** After a crash: finishes what was in doubt. Its cost is that of the work in flight then, not of the store. */
export async function recover(room: Room): Promise<void> {
  let undone = 0;
  for (const name of await room.files.leftovers()) {
    if (!OPAQUE_ID.test(name)) await putAside(room, room.files.leftoverPath(name), name);
    else if (!isNamed(room, name) && !isGarbage(room, name)) {
      if ((await room.files.lengthOf(name)) !== undefined) await putAside(room, room.files.pathOf(name), name);
      undone++;
    }
    await room.files.dropLeftover(name);
  }
  await takeBack(room);
  await collectOnce(room);
  if (undone > 0) room.log('info', 'unfinished writes were undone', { files: undone });
}

/** Compares files and index in both directions. `stopped` ends it early, between two files. */
export async function scrub(room: Room, stopped: () => boolean): Promise<ScrubReport> {
  const report = { files: 0, orphans: 0, missing: 0, damaged: 0, foreign: 0 };
  for await (const { id, path } of room.files.walk()) {
    if (stopped()) return report;
    report.files++;
    if (id === undefined) {
      report.foreign++;
      room.log('warn', 'something foreign lies in the store', { path });
    } else if (!room.files.inDoubt(id) && !isNamed(room, id) && !isGarbage(room, id)) {
      if (await putAside(room, room.files.pathOf(id), id)) report.orphans++;
    }
  }
  for (let after = ''; ;) {
    const rows = room.index.all('SELECT id, length FROM files WHERE id > ? ORDER BY id LIMIT ?', after, PAGE);
    for (const row of rows) {
      if (stopped()) return report;
      const id = text(row, 'id');
      const found = await room.files.lengthOf(id);
      // Deleted meanwhile: no file is right then.
      if (found === integer(row, 'length') || !isNamed(room, id)) continue;
      const kind = found === undefined ? 'missing' : 'damaged';
      report[kind]++;
      room.log('error', `a data file is ${kind}`, { file: id });
    }
    const last = rows.at(-1);
    if (last === undefined) break;
    after = text(last, 'id');
  }
  const expired = await room.quarantine.expire(room.now() - QUARANTINE_AGE);
  if (expired > 0) room.log('info', 'what lay in quarantine long enough was removed', { files: expired });
  while (!stopped() && room.index.compact()) await new Promise(setImmediate);
  return report;
}

/** What the index does not know is kept for a while: it may be the index that is wrong. */
async function putAside(room: Room, path: string, name: string): Promise<boolean> {
  try {
    await room.quarantine.take(path, name, room.now());
    room.log('warn', 'a file that the index does not know was put into quarantine', { file: name });
    return true;
  } catch (error) {
    room.log('warn', 'a file that the index does not know stays where it is', { file: name, reason: String(error) });
    return false;
  }
}

/** Files that an index which was put back knows after all. */
async function takeBack(room: Room): Promise<void> {
  for await (const { name } of room.quarantine.each()) {
    if (!OPAQUE_ID.test(name) || !isNamed(room, name) || (await room.files.lengthOf(name)) !== undefined) continue;
    await room.files.prepare(name);
    if (await room.quarantine.giveBack(name, room.files.pathOf(name)))
      room.log('info', 'a file came back from quarantine', { file: name });
  }
}

const PAGE = 500;

async function collectOnce(room: Room): Promise<void> {
  for (let after = ''; ;) {
    const rows = room.index.all('SELECT id FROM garbage WHERE id > ? ORDER BY id LIMIT ?', after, PAGE);
    const last = rows.at(-1);
    if (last === undefined) return;
    after = text(last, 'id');
    const free = rows.map((row) => text(row, 'id')).filter((id) => !room.pins.held(id) && !isNamed(room, id));
    if (free.length === 0) continue;
    await room.failpoint('before-collect');
    for (const id of free) await room.files.remove(id);
    await room.index.commit(() => {
      for (const id of free) room.index.run('DELETE FROM garbage WHERE id = ?', id);
    });
    await room.failpoint('after-collect');
  }
}

function isNamed(room: Room, id: string): boolean {
  return room.index.get('SELECT 1 FROM files WHERE id = ?', id) !== undefined;
}

function isGarbage(room: Room, id: string): boolean {
  return room.index.get('SELECT 1 FROM garbage WHERE id = ?', id) !== undefined;
}
