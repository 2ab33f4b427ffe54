import type { SealRecord } from '../../model/seal.ts';
import type { DataFiles, StagedFile } from './data-files.ts';
import { CommitError } from './index-database.ts';
import type { IndexDatabase } from './index-database.ts';
import { storeFailure } from './failures.ts';
import type { ColumnCipher, Failpoint, StoreLog } from './ports.ts';
import type { Quarantine } from './quarantine.ts';

/** What every operation of the local store works with. */
export interface Room {
  readonly region: string;
  readonly now: () => number;
  readonly randomBytes: (size: number) => Buffer;
  readonly columns: ColumnCipher;
  readonly index: IndexDatabase;
  readonly files: DataFiles;
  readonly quarantine: Quarantine;
  readonly pins: Pins;
  readonly log: StoreLog;
  readonly failpoint: Failpoint;
  /** Starts removing files that commits have left behind. */
  readonly collect: () => void;
}

/** Files that readers hold: garbage among them stays until they are done. */
export interface Pins {
  pin(ids: readonly string[]): () => void;
  held(id: string): boolean;
}

/** `released` is called when a file has lost its last reader. */
export function createPins(released: () => void): Pins {
  const counts = new Map<string, number>();
  return {
    pin: (ids) => {
      for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
      let done = false;
      return () => {
        if (done) return;
        done = true;
        for (const id of ids) {
          const left = (counts.get(id) ?? 1) - 1;
          if (left === 0) counts.delete(id);
          else counts.set(id, left);
        }
        released();
      };
    },
    held: (id) => counts.has(id),
  };
}

/** Commits the row of a staged file, or takes the file away again. */
export async function commitStaged<T>(room: Room, staged: StagedFile, work: () => T): Promise<T> {
  let result: T;
  try {
    await room.failpoint('before-commit');
    result = await room.index.commit(work);
  } catch (error) {
    if (error instanceof CommitError) {
      staged.leave();
      room.log('error', 'the index did not commit', { file: staged.id });
    } else await staged.discard();
    throw storeFailure(error);
  }
  // Durable from here on: nothing below may turn the answer into a failure.
  await room.failpoint('after-commit');
  await staged.settle();
  await room.failpoint('after-settle');
  room.collect();
  return result;
}

/** Commits work that stages no file. */
export async function commit<T>(room: Room, work: () => T): Promise<T> {
  try {
    return await room.index.commit(work);
  } catch (error) {
    throw storeFailure(error);
  } finally {
    room.collect();
  }
}

/** Runs what reads the index, with its failures in the model's codes. */
export function reading<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeFailure(error);
  }
}

/** Remembers a seal. Its wrapped key stands outside every MAC and is replaced alone. */
export function putSeal(
  room: Room,
  oid: string,
  record: Omit<SealRecord, 'parts' | 'size' | 'sealedMeta' | 'mac'>,
): void {
  room.index.run(
    'INSERT OR REPLACE INTO seals (oid, key_id, manifest_key_id, record) VALUES (?, ?, ?, ?)',
    oid,
    record.wrapped.keyId,
    record.wrappedManifestKeys?.keyId ?? null,
    JSON.stringify(record),
  );
}
