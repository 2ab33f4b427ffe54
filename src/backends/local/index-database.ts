import { chmodSync, closeSync, constants, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { GatewayError } from '../../model/errors.ts';
import { isDiskFull, isOfDatabase, storeFailure } from './failures.ts';

export type Row = Readonly<Record<string, SQLOutputValue>>;
export type Value = SQLInputValue;

/** The SQLite index of one store. Statements are prepared once per text. */
export interface IndexDatabase {
  get(sql: string, ...values: readonly Value[]): Row | undefined;
  all(sql: string, ...values: readonly Value[]): readonly Row[];
  /** Rows one at a time; leaving the loop resets the statement. */
  each(sql: string, ...values: readonly Value[]): Iterable<Row>;
  /** Answers how many rows changed. Only within `commit`. */
  run(sql: string, ...values: readonly Value[]): number;
  /**
   * Runs `work` in a transaction and resolves once it is durable. Work that comes close together shares a commit (one
   * fsync); a throwing `work` is rolled back alone. Rejects with `CommitError` when the outcome is unknown.
   */
  commit<T>(work: () => T): Promise<T>;
  /** Gives some free pages of the index back to the disk; false when there are none left. */
  compact(): boolean;
  close(): void;
}

/** The index could not say whether a transaction lasts: the files that it names must stay until the next start. */
export class CommitError extends Error {
  override readonly name = 'CommitError';
}

interface Job {
  readonly run: () => () => void;
  readonly fail: (error: unknown) => void;
}

/** An index in the transaction that opens it. */
export type OpeningIndex = Pick<IndexDatabase, 'get' | 'all' | 'run'> & { exec(sql: string): void };

export interface IndexOptions {
  /** Judges what is there, before anything is written, by its `PRAGMA user_version` and number of tables. */
  readonly judge?: (version: number, tables: number) => void;
  /** Brings it up to this release. */
  readonly prepare: (index: OpeningIndex, version: number) => void;
  /** Told how often the index has committed, after each commit. */
  readonly committed?: (epoch: number) => void;
}

/** Opens or creates the index and takes its exclusive lock, which dies with the process. */
export function openIndex(path: string, options: IndexOptions): IndexDatabase {
  // SQLite would create it under the umask; its WAL takes the mode of the main file.
  closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
  chmodSync(path, 0o600);
  const database = openExclusively(path, options);
  const statements = new Map<string, StatementSync>();
  /** Rows changed since the last commit. */
  let changed = 0;
  const queue: Job[] = [];
  /** When the last commit ended and how long it took, ms. */
  const last = { ended: -Infinity, took: 0 };

  const prepared = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };

  const flush = (): void => {
    const jobs = queue.splice(0);
    const began = performance.now();
    try {
      changed = 0;
      const settle = runTogether(database, jobs, () => {
        if (changed === 0) return undefined;
        const { epoch } = prepared('UPDATE store SET epoch = epoch + 1 RETURNING epoch').get() ?? {};
        return typeof epoch === 'number' ? epoch : undefined;
      });
      if (settle.epoch !== undefined) options.committed?.(settle.epoch);
      for (const act of settle.acts) act();
    } catch (error) {
      if (database.isOpen && database.isTransaction) rollBack(database);
      const failure = isDiskFull(error)
        ? storeFailure(error)
        : new CommitError('The index did not commit.', { cause: error });
      for (const job of jobs) job.fail(failure);
    }
    last.ended = performance.now();
    last.took = last.ended - began;
  };

  /** A commit holds up the event loop, so under load the next one leaves as much time as the last took: more work shares it. */
  const schedule = (): void => {
    const wait = last.ended + Math.min(last.took, MOST_GATHERING) - performance.now();
    if (wait > 1) setTimeout(flush, wait);
    else setImmediate(flush);
  };

  return {
    get: (sql, ...values) => prepared(sql).get(...values),
    all: (sql, ...values) => prepared(sql).all(...values),
    each: (sql, ...values) => prepared(sql).iterate(...values),
    run: (sql, ...values) => {
      const changes = Number(prepared(sql).run(...values).changes);
      changed += changes;
      return changes;
    },
    commit: <T>(work: () => T) =>
      new Promise<T>((resolve, reject) => {
        const run = (): (() => void) => {
          const value = work();
          return () => resolve(value);
        };
        queue.push({ run, fail: reject });
        if (queue.length === 1) schedule();
      }),
    compact: () => {
      const free = integer(prepared('PRAGMA freelist_count').get() ?? {}, 'freelist_count');
      if (free > 0) database.exec(`PRAGMA incremental_vacuum(${COMPACT_PAGES});`);
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      return free > COMPACT_PAGES;
    },
    close: () => {
      statements.clear();
      database.close();
    },
  };
}

/** The text of a column. */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`column ${column} is not text`);
  return value;
}

/** The text of a column that may be NULL. */
export function optionalText(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column);
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new TypeError(`column ${column} is not an integer`);
  return value;
}

export function bytes(row: Row, column: string): Buffer {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw new TypeError(`column ${column} is not a blob`);
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** How long work waits for company at most, ms. */
const MOST_GATHERING = 10;
/** Pages (4 KiB) given back in one turn of the event loop. */
const COMPACT_PAGES = 500;
/** Bytes that the write-ahead log keeps after a checkpoint. */
const LOG_LIMIT = 8 * 1024 * 1024;
/** How long a start waits for a predecessor that is about to end, ms. */
const LOCK_WAIT = 250;

function openExclusively(path: string, { judge, prepare }: IndexOptions): DatabaseSync {
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: LOCK_WAIT });
  try {
    // Vacuum mode comes first: it cannot be changed once there are tables.
    database.exec(
      `PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_size_limit = ${LOG_LIMIT}; PRAGMA locking_mode = EXCLUSIVE;`,
    );
    const version = integer(database.prepare('PRAGMA user_version').get() ?? {}, 'user_version');
    judge?.(version, integer(database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() ?? {}, 'tables'));
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; BEGIN IMMEDIATE;`);
    prepare(
      {
        exec: (sql) => database.exec(sql),
        get: (sql, ...values) => database.prepare(sql).get(...values),
        all: (sql, ...values) => database.prepare(sql).all(...values),
        run: (sql, ...values) => Number(database.prepare(sql).run(...values).changes),
      },
      version,
    );
    database.exec('COMMIT');
    return database;
  } catch (error) {
    database.close();
    throw openingFailure(path, error);
  }
}

function openingFailure(path: string, error: unknown): GatewayError {
  const said = error instanceof Error ? error.message : '';
  if (error instanceof GatewayError)
    return new GatewayError(error.code, `The index ${path} cannot be used: ${said}`, { cause: error.cause });
  if (said.includes('locked'))
    return new GatewayError('ServiceUnavailable', `The store at ${path} is in use by another process.`, {
      cause: error,
    });
  // Whatever else SQLite says of it, it is this file that it says it of.
  return isOfDatabase(error) && !isDiskFull(error)
    ? new GatewayError('ServiceUnavailable', `The index ${path} cannot be used: ${said}.`)
    : storeFailure(error);
}

function runTogether(
  database: DatabaseSync,
  jobs: readonly Job[],
  advance: () => number | undefined,
): { readonly acts: readonly (() => void)[]; readonly epoch: number | undefined } {
  const acts: (() => void)[] = [];
  database.exec('BEGIN IMMEDIATE');
  for (const job of jobs) {
    database.exec('SAVEPOINT job');
    try {
      acts.push(job.run());
      database.exec('RELEASE job');
    } catch (error) {
      // A full disk rolls the whole transaction back by itself: then nobody's work lasts.
      if (!database.isTransaction) throw error;
      database.exec('ROLLBACK TO job; RELEASE job');
      acts.push(() => job.fail(error));
    }
  }
  const epoch = advance();
  database.exec('COMMIT');
  return { acts, epoch };
}

function rollBack(database: DatabaseSync): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // Rolled back already; the caller's error says what happened.
  }
}
