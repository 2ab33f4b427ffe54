import type { ServerResponse } from 'node:http';
import { GatewayError } from '../model/errors.ts';
import { headerOf } from '../wire/message.ts';
import type { HeaderLines, WireResponse } from '../wire/message.ts';
import { stripHopByHop } from '../wire/hop-by-hop.ts';

export interface WriteOptions {
  readonly method: string;
  /** Say `connection: close`, and end the connection after this answer. */
  readonly close: boolean;
  /** Runs once the last byte is written and before the connection may end. */
  readonly beforeEnd?: (written: Delivery) => Promise<void>;
  /** Told when the client does not take what is written, and when it does again. */
  readonly stalled: (waiting: boolean) => void;
}

export interface Delivery {
  /** Payload bytes handed to the socket. */
  readonly bytes: number;
  /** False: the connection was broken, or the client left. */
  readonly complete: boolean;
}

/**
 * Writes an answer at the client's speed. Rejects only while nothing has been sent (unfit headers, a body that fails at
 * its first chunk), so that the caller can still answer with an error; later failures break the connection and never end cleanly.
 */
export async function writeResponse(
  res: ServerResponse,
  response: WireResponse,
  options: WriteOptions,
): Promise<Delivery> {
  const bodiless = options.method === 'HEAD' || response.status === 204 || response.status === 304;
  const body = response.body;
  const source = body instanceof Uint8Array || body === undefined ? undefined : body[Symbol.asyncIterator]();
  try {
    const fixed = body instanceof Uint8Array ? body : source === undefined ? new Uint8Array(0) : undefined;
    const head = checkedHead(response, options, bodiless ? undefined : fixed?.length);
    if (bodiless || source === undefined) {
      await abandon(source);
      res.writeHead(response.status, head);
      if (!bodiless && fixed !== undefined && fixed.length > 0) res.write(fixed);
      return await finish(res, bodiless ? 0 : (fixed?.length ?? 0), options);
    }
    const ahead: Ahead = { first: await source.next() };
    if (res.destroyed) {
      await abandon(source);
      return { bytes: 0, complete: false };
    }
    res.cork();
    res.writeHead(response.status, head);
    return await stream(res, source, ahead, contentLength(response.headers), options);
  } catch (error) {
    void abandon(source);
    if (!res.headersSent) throw error;
    breakConnection(res);
    return { bytes: 0, complete: false };
  }
}

/** Ends a connection so that the client cannot take what it has for the whole answer: a reset, not an orderly close. */
export function breakConnection(res: ServerResponse): void {
  const socket = res.socket;
  if (socket !== null && !('encrypted' in socket)) socket.resetAndDestroy();
  res.destroy();
}

/** Flat lines for `writeHead`; refuses what could split the response (CVE-2020-10753) or is no header at all. */
export function checkedHead(
  response: WireResponse,
  options: Pick<WriteOptions, 'close'>,
  length: number | undefined,
): string[] {
  if (!Number.isInteger(response.status) || response.status < 200 || response.status > 599)
    throw new GatewayError('InternalError', 'The answer has no valid status.');
  const head: string[] = [];
  for (const [name, value] of stripHopByHop(response.headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw new GatewayError('InternalError', 'The answer has a header that cannot be sent.');
    if (response.status !== 204 || name !== 'content-length') head.push(name, value);
  }
  const declared = headerOf(response.headers, 'content-length');
  if (declared !== undefined && !/^\d{1,16}$/.test(declared))
    throw new GatewayError('InternalError', 'The answer has no valid length.');
  if (declared !== undefined && length !== undefined && Number(declared) !== length)
    throw new GatewayError('InternalError', 'The answer declares another length than it has.');
  if (declared === undefined && length !== undefined) head.push('content-length', String(length));
  if (options.close) head.push('connection', 'close');
  return head;
}

/** What came before the head went out. Taken from here, not passed on: a function that waits keeps its arguments. */
interface Ahead {
  first?: IteratorResult<Uint8Array>;
}

async function stream(
  res: ServerResponse,
  source: AsyncIterator<Uint8Array>,
  ahead: Ahead,
  declared: number | undefined,
  options: WriteOptions,
): Promise<Delivery> {
  // The client has gone: whoever produces must not wait for a reader for ever.
  const onClose = (): void => void abandon(source);
  res.once('close', onClose);
  const write = pieceWriter(res, options);
  let bytes = 0;
  try {
    let step = ahead.first ?? (await source.next());
    delete ahead.first;
    for (; step.done !== true; step = await source.next()) {
      bytes += step.value.length;
      if (declared !== undefined && bytes > declared) throw new Error('the body is longer than declared');
      if (res.destroyed || !(await writeInPieces(step.value, write))) {
        void abandon(source);
        return { bytes, complete: false };
      }
    }
    if (res.destroyed) return { bytes, complete: false };
    if (declared !== undefined && bytes !== declared) throw new Error('the body is shorter than declared');
    return await finish(res, bytes, options);
  } finally {
    res.off('close', onClose);
  }
}

/** False once the connection is gone. */
async function writeInPieces(chunk: Uint8Array, write: PieceWriter): Promise<boolean> {
  if (chunk.length <= PIECE) return chunk.length === 0 || (await write(chunk));
  for (let at = 0; at < chunk.length; at += PIECE) if (!(await write(chunk.subarray(at, at + PIECE)))) return false;
  return true;
}

async function finish(res: ServerResponse, bytes: number, options: WriteOptions): Promise<Delivery> {
  if (options.beforeEnd !== undefined) {
    // A head without a body still waits for its end, and its client for the head.
    res.flushHeaders();
    await options.beforeEnd({ bytes, complete: !res.destroyed });
  }
  if (res.destroyed) return { bytes, complete: false };
  options.stalled(true);
  const complete = await new Promise<boolean>((resolve) => {
    res.once('finish', () => resolve(true));
    res.once('close', () => resolve(res.writableFinished));
    res.end();
  });
  options.stalled(false);
  return { bytes, complete };
}

/** What is handed to the socket at once, and the next only when the kernel has taken it: a stalled client holds this, and as much again encrypted. */
const PIECE = 16 * 1024;

type PieceWriter = (piece: Uint8Array) => Promise<boolean> | boolean;

/** Writes one piece; false once the connection is gone. */
function pieceWriter(res: ServerResponse, options: WriteOptions): PieceWriter {
  let settle: (() => void) | undefined;
  const flushed = (): void => settle?.();
  return (piece) => {
    res.write(piece, flushed);
    if (res.writableCorked > 0) res.uncork();
    if (res.writableLength === 0 || res.destroyed) return !res.destroyed;
    options.stalled(true);
    return new Promise((resolve) => {
      const done = (): void => {
        settle = undefined;
        res.off('close', done);
        options.stalled(false);
        resolve(!res.destroyed);
      };
      settle = done;
      res.once('close', done);
    });
  };
}

async function abandon(source: AsyncIterator<Uint8Array> | undefined): Promise<void> {
  try {
    await source?.return?.();
  } catch {
    // What an abandoned source still has to say changes nothing for this client.
  }
}

function contentLength(headers: HeaderLines): number | undefined {
  const declared = headerOf(headers, 'content-length');
  return declared === undefined ? undefined : Number(declared);
}
