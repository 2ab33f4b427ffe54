import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { GatewayError } from '../../model/errors.ts';
import { internalError, storeFailure } from './failures.ts';
import type { Block, ReadAhead } from './read-ahead.ts';

/** Where pieces of a file end, so that whoever takes them has nothing left over: at `offset`, then every `size` bytes. */
export interface Grain {
  readonly offset: number;
  readonly size: number;
}

export interface FileRead {
  readonly path: string;
  /** Bytes that the index says the file has. */
  readonly length: number;
  /** Inclusive. */
  readonly first: number;
  readonly last: number;
  readonly grain?: Grain;
}

/** Bytes of a piece: a reader whose client stalls holds no more of its object than this. */
export const PIECE = 16 * 1024;

/**
 * Reads a part of a file in pieces; throws when the file is not what the index says, and never ends early. Pieces are
 * copies: blocks that were read ahead are given to others when nobody asks for more. Not a generator, because a waiting
 * one keeps what it yielded last.
 */
export function readFilePieces(read: FileRead, ahead: ReadAhead): AsyncIterableIterator<Uint8Array, undefined> {
  const { path, length, first, last } = read;
  const small = last - first < SMALL_READ;
  let position = first;
  let handle: FileHandle | undefined;
  let ended = false;
  let busy = false;
  let block: (Block & { readonly start: number; readonly end: number }) | undefined;

  const dropBlock = (): void => {
    block?.giveBack();
    block = undefined;
  };
  const finish = async (): Promise<void> => {
    ended = true;
    dropBlock();
    const closing = handle;
    handle = undefined;
    await closing?.close();
  };
  const opened = async (): Promise<FileHandle> => {
    if (handle !== undefined) return handle;
    handle = await open(path, READ_FLAGS);
    judgeFile(await handle.stat(), length, last);
    return handle;
  };

  /** The block that holds the position, read if need be; undefined: the reader must do without one. */
  const blockAt = async (file: FileHandle): Promise<typeof block> => {
    if (block !== undefined && position >= block.start && position < block.end) return block;
    const own = block ?? ahead.take({ busy: () => busy, taken: () => (block = undefined) });
    if (own === undefined) return undefined;
    block = { ...own, start: position, end: position };
    const { bytesRead } = await file.read(own.bytes, 0, Math.min(ahead.blockSize, last - position + 1), position);
    if (bytesRead === 0) throw tooShort();
    block = { ...own, start: position, end: position + bytesRead };
    return block;
  };

  const piece = async (): Promise<Buffer> => {
    const end = Math.min(last + 1, pieceEnd(position, read.grain));
    if (small) return readAtOnce(path, length, position, end - 1);
    const file = await opened();
    const bytes = Buffer.allocUnsafeSlow(end - position);
    let done = 0;
    while (done < bytes.length) {
      const from = last - position < ahead.blockSize / 8 ? undefined : await blockAt(file);
      const copied =
        from === undefined
          ? (await file.read(bytes, done, bytes.length - done, position)).bytesRead
          : from.bytes.copy(bytes, done, position - from.start, Math.min(from.end, end) - from.start);
      if (copied === 0) throw tooShort();
      done += copied;
      position += copied;
    }
    return bytes;
  };

  const iterator: AsyncIterableIterator<Uint8Array, undefined> = {
    [Symbol.asyncIterator]: () => iterator,
    next: async () => {
      if (ended || position > last) {
        await finish();
        return { done: true, value: undefined };
      }
      busy = true;
      block?.touch();
      try {
        const before = position;
        const value = await piece();
        if (small) position = before + value.length;
        return { done: false, value };
      } catch (error) {
        await finish();
        throw storeFailure(error);
      } finally {
        busy = false;
      }
    },
    return: async () => {
      await finish();
      return { done: true, value: undefined };
    },
  };
  return iterator;
}

/** Reads of this many bytes are made at once, as the index is: four trips through the thread pool cost more than they. */
const SMALL_READ = 64 * 1024;

/** The end (exclusive) of the piece that begins at a position. */
function pieceEnd(position: number, { offset, size }: Grain = { offset: 0, size: PIECE }): number {
  const grains = Math.max(1, Math.floor(PIECE / size));
  const step = size * grains;
  return position < offset ? offset + step : offset + (Math.floor((position - offset) / step) + 1) * step;
}

function readAtOnce(path: string, length: number, first: number, last: number): Buffer {
  try {
    const file = openSync(path, READ_FLAGS);
    try {
      judgeFile(fstatSync(file), length, last);
      const block = Buffer.allocUnsafeSlow(last - first + 1);
      for (let done = 0; done < block.length;) {
        const more = readSync(file, block, done, block.length - done, first + done);
        if (more === 0) throw tooShort();
        done += more;
      }
      return block;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw storeFailure(error);
  }
}

/** O_NONBLOCK: a planted FIFO must not hang the reader before it is recognised. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function judgeFile(found: Stats, length: number, last: number): void {
  if (!found.isFile() || found.size !== length || last >= length) throw internalError('a data file is damaged');
}

function tooShort(): GatewayError {
  return internalError('a data file is too short');
}
