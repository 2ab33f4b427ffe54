import { hash } from 'node:crypto';
import type { Value } from './index-database.ts';

/** A table whose rows prove what they say: `sealed` is bound to all that `bound` lists (`row-binding.ts`). */
export interface BoundTable {
  readonly name: string;
  readonly bound: readonly string[];
  readonly sealed: string;
}

export const STORE: BoundTable = { name: 'store', bound: ['id'], sealed: 'proof' };

/** Totals are left out: they change with every object. */
export const BUCKETS: BoundTable = { name: 'buckets', bound: ['name', 'created', 'rule', 'policy'], sealed: 'proof' };

export const OBJECTS: BoundTable = {
  name: 'objects',
  bound: ['bucket', 'key', 'oid', 'size', 'modified', 'type', 'class', 'encryption', 'metadata', 'tags'],
  sealed: 'digests',
};

export const UPLOADS: BoundTable = {
  name: 'uploads',
  bound: ['id', 'bucket', 'key', 'oid', 'initiated', 'class', 'encryption', 'checksum', 'metadata', 'tags'],
  sealed: 'proof',
};

export const FILES: BoundTable = {
  name: 'files',
  bound: ['id', 'oid', 'number', 'attempt', 'size', 'length', 'modified', 'sealed'],
  sealed: 'digests',
};

export const COMPLETED: BoundTable = { name: 'completed', bound: ['upload', 'bucket', 'key', 'at'], sealed: 'answer' };

/** For a SELECT or an INSERT. */
export function columnsOf({ bound, sealed }: BoundTable): string {
  return [...bound, sealed].join(', ');
}

export function insertInto(table: BoundTable): string {
  return `INSERT INTO ${table.name} (${columnsOf(table)}) VALUES (${[...table.bound, table.sealed].map(() => '?').join(', ')})`;
}

/** The values of `insertInto`, in order. */
export function valuesOf(
  table: BoundTable,
  columns: Readonly<Record<string, Value>>,
  sealed: Buffer,
): readonly Value[] {
  return [...table.bound.map((name) => columns[name] ?? null), sealed];
}

/** Which files make up an object, in one hash: its row is bound to them without being as long as they are many. */
export function extentsHash(
  files: readonly { readonly [name in 'number' | 'id' | 'attempt' | 'size' | 'length']?: unknown }[],
): string {
  return hash(
    'sha256',
    JSON.stringify(files.map(({ number, id, attempt, size, length }) => [number, id, attempt, size, length])),
    'hex',
  );
}
