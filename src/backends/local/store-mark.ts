import { closeSync, constants, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayError } from '../../model/errors.ts';
import { systemCode } from './failures.ts';

/** What a data directory says of the index that belongs to it. */
export interface StoreMark {
  /** 32 hex. */
  readonly id: string;
  /** The index has committed at least this often. */
  readonly epoch: number;
}

export interface MarkKeeper {
  /** After each commit; not synced, since a mark that is behind says nothing wrong. Never throws. */
  advance(epoch: number): void;
  close(): void;
}

/** The file's name, for messages that tell operators about it. */
export const MARK_FILE = 'store-mark';

const HEAD = 'bucketseal store 1\n';
const EPOCH_DIGITS = 16;
const FORM = /^bucketseal store 1\n([0-9a-f]{32})\n(\d{16})\n$/;
const EPOCH_AT = HEAD.length + 33;

export function markText({ id, epoch }: StoreMark): string {
  return `${HEAD}${id}\n${String(epoch).padStart(EPOCH_DIGITS, '0')}\n`;
}

export function readMark(directory: string): StoreMark | undefined {
  const path = join(directory, MARK_FILE);
  let text: string;
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      text = readFileSync(file, 'utf8');
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const [, id, epoch] = FORM.exec(text) ?? [];
  if (id === undefined || epoch === undefined)
    throw new GatewayError('ServiceUnavailable', `${path} is damaged: it must say which index belongs to this store.`);
  return { id, epoch: Number(epoch) };
}

/** Makes the mark of a new store, durable. */
export function makeMark(directory: string, mark: StoreMark): void {
  const path = join(directory, MARK_FILE);
  const aside = `${path}.new`;
  rmSync(aside, { force: true });
  const file = openSync(aside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    writeSync(file, markText(mark));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(aside, path);
  const parent = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(parent);
  } finally {
    closeSync(parent);
  }
}

/** Keeps the mark of an open store up with its index. `failed` is told once. */
export function keepMark(directory: string, epoch: number, failed: (error: unknown) => void): MarkKeeper {
  const file = openSync(join(directory, MARK_FILE), constants.O_WRONLY | constants.O_NOFOLLOW);
  let told = false;
  const act = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!told) failed(error);
      told = true;
    }
  };
  const advance = (to: number): void =>
    act(() => void writeSync(file, String(to).padStart(EPOCH_DIGITS, '0'), EPOCH_AT, 'latin1'));
  advance(epoch);
  act(() => fsyncSync(file));
  return {
    advance,
    close: () => {
      act(() => fsyncSync(file));
      closeSync(file);
    },
  };
}
