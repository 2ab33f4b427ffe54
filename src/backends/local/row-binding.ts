import { hash } from 'node:crypto';
import type { Row, Value } from './index-database.ts';

/** Columns of a row by name, as they are written. */
export type Columns = Readonly<Record<string, Value>>;

/**
 * What a sealed column of a row is bound to: table, names and values of all others that `names` lists and that are not
 * NULL (FORMAT.md, "Index rows"). A row whose columns were edited, or that was moved, does not open. A column that a
 * later release adds changes nothing for rows that have none.
 */
export function bindingOf(table: string, names: readonly string[], row: Row | Columns): string {
  const fields = [table];
  for (const name of names) {
    const value = row[name];
    if (value === undefined) throw new TypeError(`column ${name} is needed to know the row`);
    if (value !== null) fields.push(name, textOf(value));
  }
  return `row ${hash('sha256', JSON.stringify(fields), 'hex')}`;
}

function textOf(value: Exclude<Value, null>): string {
  if (typeof value === 'string') return value;
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
  return String(value);
}
