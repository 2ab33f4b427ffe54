import { lstatSync } from 'node:fs';
import { opendir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError } from '../../model/errors.ts';
import { systemCode } from './failures.ts';
import { bytes, integer, openIndex, text } from './index-database.ts';
import type { IndexDatabase, OpeningIndex } from './index-database.ts';
import type { LocalStoreOptions } from './ports.ts';
import { bindingOf } from './row-binding.ts';
import { STORE } from './row-columns.ts';
import { keepMark, makeMark, MARK_FILE, markText, readMark } from './store-mark.ts';
import type { MarkKeeper, StoreMark } from './store-mark.ts';
import { BOUND_VERSION, otherKeyring, SCHEMA_VERSION, upgradeIndex } from './upgrade.ts';

export interface FittingIndex {
  readonly index: IndexDatabase;
  readonly mark: MarkKeeper;
}

/** What an index must fit. */
interface Surroundings {
  readonly directory: string;
  readonly mark: StoreMark | undefined;
  /** Ids of some data files; of none where there are none. */
  readonly data: readonly string[];
  /** This keyring has bound the rows of an index in this directory before. */
  readonly boundBefore: boolean;
}

/** Data files that an index of release 0.1.0, which does not know its store, is compared with. */
const SAMPLE = 100;

/**
 * Opens the index that belongs to the data in a directory, or makes one where there are none. Rejects with a
 * `ServiceUnavailable` that names the index: with another one, data would look like litter.
 */
export async function openFittingIndex(
  options: Pick<LocalStoreOptions, 'columns' | 'log' | 'randomBytes' | 'rowsBound'> & { readonly directory: string },
): Promise<FittingIndex> {
  const { directory, columns, log, randomBytes, rowsBound } = options;
  const path = join(directory, 'index.db');
  const around: Surroundings = {
    directory,
    mark: readMark(directory),
    data: await someDataFiles(directory),
    boundBefore: (await rowsBound?.known()) ?? false,
  };
  judgeFile(path, around);
  let mark: MarkKeeper | undefined;
  let epoch = 0;
  const index = openIndex(path, {
    judge: (version, tables) => judgeVersion(version, tables, around),
    prepare: (opening, version) => {
      const id = around.mark?.id ?? randomBytes(16).toString('hex');
      if (version === 1) judgeFirstRelease(opening, around);
      // Durable before the index says that it knows its store: a crash between the two is no riddle.
      if (version < BOUND_VERSION && around.mark === undefined) makeMark(directory, { id, epoch: 0 });
      upgradeIndex(opening, version, { columns, log, id });
      epoch = judgeStore(
        opening,
        { ...around, mark: version < BOUND_VERSION ? { id, epoch: 0 } : around.mark },
        columns,
      );
    },
    committed: (next) => mark?.advance(next),
  });
  try {
    mark = keepMark(directory, epoch, (error) =>
      log('error', 'the store cannot note how far its index is', { reason: String(error) }),
    );
    await rowsBound?.remember().catch((error: unknown) =>
      // A keyring on a read-only volume serves too: only a later downgrade of the index would go unseen.
      log('warn', 'the keyring cannot note that the index is authenticated', { reason: String(error) }),
    );
    return { index, mark };
  } catch (error) {
    index.close();
    throw error;
  }
}

/** A missing or empty index is a new store's, or the loss of an old one's. */
function judgeFile(path: string, around: Surroundings): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isFile() === false) throw unfit(`The index ${path} is no regular file.`);
  const length = found?.size;
  if (length !== undefined && length > 0) return;
  const log = (lengthOf(`${path}-wal`) ?? 0) > 0 ? 'its log index.db-wal lies there' : undefined;
  const reason = log ?? whyNotNew(around);
  if (reason !== undefined)
    throw unfit(
      `The index ${path} is ${length === undefined ? 'missing' : 'empty'}, while ${reason}. Put it back, with index.db-wal if there is one.`,
    );
}

function whyNotNew({ data, mark, directory }: Surroundings): string | undefined {
  if (data.length > 0) return `data lies in ${join(directory, 'data')}`;
  return (mark?.epoch ?? 0) > 0 ? `${join(directory, MARK_FILE)} says that the store has been written to` : undefined;
}

/** What it throws gets the index's path put before it. */
function judgeVersion(version: number, tables: number, around: Surroundings): void {
  if (version > SCHEMA_VERSION)
    throw unfit(`it has version ${version}, and this release knows ${SCHEMA_VERSION} at most.`);
  if (version === 0 && tables > 0) throw unfit('it is an SQLite database, but not the index of a store.');
  const reason = whyNotNew(around);
  if (version === 0 && reason !== undefined)
    throw unfit(`it is empty, while ${reason}. Put the newest copy of it back, with its index.db-wal.`);
  if (version !== 0 && version < BOUND_VERSION) judgeUnbound(around);
}

/** Release 0.1.0 did not bind its rows: an index of its time would be believed whatever somebody has written into it. */
function judgeUnbound({ mark, boundBefore, directory }: Surroundings): void {
  if ((mark?.epoch ?? 0) > 0)
    throw unfit('it is of an older release than the store. Put the newest copy of it back, with its index.db-wal.');
  if (boundBefore)
    throw unfit(
      `it is of release 0.1.0, which did not authenticate its rows, and this keyring has authenticated an index in ${directory} before. Put a newer copy back, or move the directory to another path to have it taken as it is.`,
    );
}

function judgeFirstRelease(index: OpeningIndex, { data, directory }: Surroundings): void {
  const known = data.some((id) =>
    ['files', 'garbage'].some((table) => index.get(`SELECT 1 FROM ${table} WHERE id = ?`, id) !== undefined),
  );
  if (!known && data.length > 0)
    throw unfit(`it knows nothing of the data in ${join(directory, 'data')}. Is it the index of another directory?`);
}

/** Answers the index's epoch. */
function judgeStore(index: OpeningIndex, around: Surroundings, columns: LocalStoreOptions['columns']): number {
  const { mark, directory } = around;
  const row = index.get('SELECT id, epoch, proof FROM store');
  if (row === undefined) throw unfit('it does not say to which store it belongs.');
  const [id, epoch] = [text(row, 'id'), integer(row, 'epoch')];
  try {
    columns.open(bytes(row, 'proof'), bindingOf(STORE.name, STORE.bound, row));
  } catch {
    throw otherKeyring();
  }
  const path = join(directory, MARK_FILE);
  if (mark === undefined)
    throw unfit(
      `${path} is missing, so nothing says that it belongs to the data. Put that file back, or write it anew:\n${markText({ id, epoch: 0 })}`,
    );
  if (mark.id !== id) throw unfit(`it belongs to the store ${id}, and this is the store ${mark.id}.`);
  if (epoch < mark.epoch)
    throw unfit(
      `it is older than the data: it has changed ${epoch} times, and ${path} knows of ${mark.epoch}. Put the newest copy of it back, with its index.db-wal. To go on with this one all the same make the last line of that file ${'0'.repeat(16)}: files that the index does not know then go to quarantine/.`,
    );
  return epoch;
}

/** Files that a crash left in doubt are nobody's yet. */
async function someDataFiles(directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  const inDoubt = new Set(await namesIn(join(directory, 'tmp')));
  for (const name of await namesIn(join(directory, 'data'))) {
    if (lstatSync(join(directory, 'data', name)).isDirectory())
      for await (const file of await opendir(join(directory, 'data', name))) {
        if (file.isFile() && !inDoubt.has(file.name)) found.push(file.name);
        if (found.length === SAMPLE) return found;
      }
  }
  return found;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function lengthOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.size;
}

function unfit(reason: string): GatewayError {
  return new GatewayError('ServiceUnavailable', reason);
}
