import { GatewayError } from '../../model/errors.ts';
import type { StoredDigests } from './digests.ts';
import { bytes, text } from './index-database.ts';
import type { OpeningIndex, Row } from './index-database.ts';
import type { ColumnCipher, StoreLog } from './ports.ts';
import { bindingOf } from './row-binding.ts';
import { BUCKETS, COMPLETED, extentsHash, FILES, OBJECTS, STORE, UPLOADS } from './row-columns.ts';
import type { BoundTable } from './row-columns.ts';
import { FIRST_SCHEMA } from './schema.ts';

export interface UpgradeContext {
  readonly columns: ColumnCipher;
  readonly log: StoreLog;
  /** The store's id. */
  readonly id: string;
}

/** Step n brings an index from version n (`PRAGMA user_version`) to n + 1. All of them run in one transaction. */
const STEPS: readonly ((index: OpeningIndex, context: UpgradeContext) => void)[] = [
  (index) => index.exec(FIRST_SCHEMA),
  bindRows,
];

export const SCHEMA_VERSION = STEPS.length;

/** The first version whose rows are bound, and that knows its store. */
export const BOUND_VERSION = 2;

export function upgradeIndex(index: OpeningIndex, from: number, context: UpgradeContext): void {
  for (const step of STEPS.slice(from)) step(index, context);
  if (from < SCHEMA_VERSION) index.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
}

/**
 * Until here a row was not bound to what it says. What lies there is taken as it is, this once: each row is sealed anew
 * over all its columns, and none that is not will ever be read again.
 */
function bindRows(index: OpeningIndex, context: UpgradeContext): void {
  const { columns, id, log } = context;
  index.exec(`
    CREATE TABLE store (id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, proof BLOB NOT NULL) STRICT;
    ALTER TABLE buckets ADD COLUMN proof BLOB;
    ALTER TABLE uploads ADD COLUMN proof BLOB;`);
  index.run(
    'INSERT INTO store (id, epoch, proof) VALUES (?, 1, ?)',
    id,
    columns.seal('', bindingOf('store', STORE.bound, { id })),
  );
  let opened = 0;
  let unreadable = 0;
  const rebind = (table: BoundTable, order: string, reseal: (row: Row, binding: string) => Buffer): void => {
    for (const { row, names } of rowsOf(index, table, order)) {
      const blob = attempt(() => reseal(row, bindingOf(table.name, names, row)));
      if (blob === undefined) unreadable++;
      else index.run(`UPDATE ${table.name} SET ${table.sealed} = ? WHERE ${order} = ?`, blob, text(row, order));
    }
  };
  const prove = (_row: Row, binding: string): Buffer => columns.seal('', binding);
  const open = (row: Row, column: string, context: string): string => {
    const found = columns.open(bytes(row, column), context);
    opened++;
    return found;
  };
  rebind(BUCKETS, 'name', prove);
  rebind(UPLOADS, 'id', prove);
  rebind(FILES, 'id', (row, binding) =>
    columns.seal(open(row, 'digests', `${text(row, 'oid')}/${text(row, 'id')}`), binding),
  );
  rebind(OBJECTS, 'oid', (row, binding) => {
    const oid = text(row, 'oid');
    const digests = JSON.parse(open(row, 'digests', oid)) as StoredDigests;
    const files = index.all('SELECT number, id, attempt, size, length FROM files WHERE oid = ? ORDER BY number', oid);
    return columns.seal(JSON.stringify({ ...digests, extents: extentsHash(files) } satisfies StoredDigests), binding);
  });
  rebind(COMPLETED, 'upload', (row, binding) => columns.seal(open(row, 'answer', text(row, 'upload')), binding));
  if (unreadable > 0 && opened === 0) throw otherKeyring();
  if (unreadable > 0) log('error', 'rows of the index are not authentic and will not be served', { rows: unreadable });
  if (opened > 0) log('info', 'the index was brought up to this release', { rows: opened });
}

/** The index is one that the keyring at hand has not sealed. */
export function otherKeyring(): GatewayError {
  return new GatewayError(
    'ServiceUnavailable',
    'it does not open with this keyring; is it the one that it was written with?',
  );
}

/** Pages, since rows change while they are walked; `names` are the bound columns that the table has by now. */
function* rowsOf(
  index: OpeningIndex,
  table: BoundTable,
  order: string,
): Generator<{ readonly row: Row; readonly names: readonly string[] }, void, undefined> {
  const known = new Set(index.all(`PRAGMA table_info(${table.name})`).map((column) => column['name']));
  const names = table.bound.filter((name) => known.has(name));
  const sql = `SELECT ${[...names, table.sealed].join(', ')} FROM ${table.name} WHERE ${order} > ? ORDER BY ${order} LIMIT ${PAGE}`;
  for (let after = ''; ;) {
    const page = index.all(sql, after);
    for (const row of page) yield { row, names };
    const last = page.at(-1);
    if (last === undefined) return;
    after = text(last, order);
  }
}

const PAGE = 500;

function attempt(work: () => Buffer): Buffer | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
