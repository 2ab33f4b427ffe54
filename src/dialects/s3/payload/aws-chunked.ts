import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { GatewayError } from '../../../model/errors.ts';
import { chunkSignature, EMPTY_SHA256, trailerSignature } from '../signature/chunk-signature.ts';
import type { ChunkSignatureSeed } from '../signature/chunk-signature.ts';
import { equalSignatures, signatureMismatch } from '../signature/comparison.ts';

/** How an aws-chunked payload must look. */
export interface ChunkedForm {
  /** `x-amz-decoded-content-length` */
  readonly decodedLength: number;
  /** Set when every chunk is signed. */
  readonly seed?: ChunkSignatureSeed;
  /** `trailing`: one of the `-TRAILER` forms. */
  readonly ending: 'plain' | 'trailing';
  /** The one trailer that `x-amz-trailer` announces, in lower case. */
  readonly trailer?: string;
  /** Called with the trailer's value once it is authentic. */
  readonly onTrailer?: (value: string) => void;
}

// `hhhhhhhhhhhhhhhh;chunk-signature=<64>` is 97 bytes.
const MAX_CHUNK_HEADER = 256;
/** Bytes after the last chunk: a SHA-512 and a signature are far below it. */
const MAX_TRAILER = 2048;
/** S3: only the last chunk may be smaller. */
const MIN_CHUNK = 8192;
const UNSIGNED_HEADER = /^([0-9a-fA-F]{1,16})\r\n$/;
const SIGNED_HEADER = /^([0-9a-fA-F]{1,16});chunk-signature=([0-9a-f]{64})\r\n$/;

/**
 * Decodes aws-chunked bytes as they come, copying none. A chunk's signature is judged before its last piece goes on;
 * throws a `GatewayError` at the first disagreement, at the latest when the source has ended.
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Uint8Array>,
  form: ChunkedForm,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = chunkSequence(form);
  let state: 'header' | 'data' | 'delimiter' | 'tail' = 'header';
  let text = '';
  let left = 0;
  for await (const bytes of source) {
    let at = 0;
    while (at < bytes.length) {
      if (state === 'data') {
        const piece = bytes.subarray(at, Math.min(bytes.length, at + left));
        at += piece.length;
        left -= piece.length;
        chunks.update(piece);
        if (left === 0) {
          chunks.end();
          state = 'delimiter';
        }
        yield piece;
        continue;
      }
      const [end, limit]: readonly [number, number] =
        state === 'tail'
          ? [bytes.length, MAX_TRAILER]
          : state === 'delimiter'
            ? [Math.min(bytes.length, at + 2 - text.length), 2]
            : [lineEnd(bytes, at), MAX_CHUNK_HEADER];
      if (text.length + end - at > limit) throw state === 'tail' ? malformedTrailer() : terminatedUnexpectedly();
      text += latin1(bytes.subarray(at, end));
      at = end;
      if (state === 'delimiter' && text.length === 2) {
        if (text !== '\r\n') throw terminatedUnexpectedly();
        [state, text] = ['header', ''];
      } else if (state === 'header' && text.endsWith('\n')) {
        left = chunks.begin(text);
        [state, text] = [left === 0 ? 'tail' : 'data', ''];
      }
    }
  }
  if (state !== 'tail') throw terminatedUnexpectedly();
  finish(text, form, chunks.signature());
}

interface ChunkSequence {
  /** Judges a header line; answers the chunk's bytes, 0 for the last. */
  begin(line: string): number;
  update(piece: Uint8Array): void;
  /** Judges the chunk that just ended. */
  end(): void;
  /** The last signature of the chain. */
  signature(): string;
}

function chunkSequence({ decodedLength, seed }: ChunkedForm): ChunkSequence {
  let previous = seed?.signature ?? '';
  let claimed = '';
  let hash: Hash | undefined;
  let total = 0;
  let number = 0;
  let smaller: number | undefined;
  const judge = (sha256: string): void => {
    if (seed === undefined) return;
    const expected = chunkSignature(seed, previous, sha256);
    if (!equalSignatures(expected, claimed)) throw signatureMismatch();
    previous = expected;
  };
  return {
    begin: (line) => {
      const [, digits, signature] = (seed === undefined ? UNSIGNED_HEADER : SIGNED_HEADER).exec(line) ?? [];
      if (digits === undefined) throw terminatedUnexpectedly();
      const size = Number.parseInt(digits, 16);
      claimed = signature ?? '';
      if (size > 0 && smaller !== undefined) throw chunkTooSmall(number, smaller);
      if (size > decodedLength - total) throw wrongLength();
      if (size === 0 && total !== decodedLength) throw wrongLength();
      if (size === 0) judge(EMPTY_SHA256);
      if (size > 0 && size < MIN_CHUNK) smaller = size;
      total += size;
      number++;
      hash = seed === undefined ? undefined : createHash('sha256');
      return size;
    },
    update: (piece) => void hash?.update(piece),
    end: () => {
      if (hash !== undefined) judge(hash.digest('hex'));
    },
    signature: () => previous,
  };
}

/** Judges everything after the zero chunk's header: it must be complete and exactly what was announced. */
function finish(tail: string, form: ChunkedForm, lastSignature: string): void {
  if (form.ending === 'plain') {
    if (tail === '\r\n') return;
    throw '\r\n'.startsWith(tail) ? terminatedUnexpectedly() : malformedTrailer();
  }
  if (tail !== '\r\n' && !tail.endsWith('\r\n\r\n'))
    throw tail.includes(':') ? malformedTrailer() : terminatedUnexpectedly();
  const trailers = new Map<string, string>();
  // minio-go ends a trailer with `\n\r\n`, everybody else with `\r\n`.
  for (const line of tail.split('\n').map((text) => text.replace(/\r$/, ''))) {
    if (line === '') continue;
    const [, name, value] = /^([A-Za-z0-9-]+):([^\r]*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined || trailers.has(name.toLowerCase())) throw malformedTrailer();
    trailers.set(name.toLowerCase(), value.trim());
  }
  if (form.seed !== undefined) judgeTrailerSignature(form.seed, trailers, lastSignature);
  const names = [...trailers.keys()].filter((name) => name !== 'x-amz-trailer-signature');
  const value = form.trailer === undefined ? undefined : trailers.get(form.trailer);
  if (names.length !== (form.trailer === undefined ? 0 : 1) || (form.trailer !== undefined && value === undefined))
    throw malformedTrailer();
  if (form.seed === undefined && trailers.has('x-amz-trailer-signature')) throw malformedTrailer();
  if (value !== undefined) form.onTrailer?.(value);
}

function judgeTrailerSignature(
  seed: ChunkSignatureSeed,
  trailers: ReadonlyMap<string, string>,
  previous: string,
): void {
  const provided = trailers.get('x-amz-trailer-signature');
  if (provided === undefined) throw malformedTrailer();
  const signed = [...trailers]
    .filter(([name]) => name !== 'x-amz-trailer-signature')
    .map(([name, value]) => `${name}:${value}\n`)
    .join('');
  if (!equalSignatures(trailerSignature(seed, previous, signed), provided)) throw signatureMismatch();
}

function lineEnd(bytes: Uint8Array, from: number): number {
  const lf = bytes.indexOf(0x0a, from);
  return lf === -1 ? bytes.length : lf + 1;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function chunkTooSmall(chunk: number, size: number): GatewayError {
  return new GatewayError(
    'InvalidChunkSizeError',
    `Only the last chunk is allowed to have a size less than ${MIN_CHUNK} bytes`,
    { details: { Chunk: chunk, BadChunkSize: size } },
  );
}

/** 400 IncompleteBody for framing that breaks off or makes no sense. */
export function terminatedUnexpectedly(cause?: unknown): GatewayError {
  return new GatewayError('IncompleteBody', 'The request body terminated unexpectedly', { cause });
}

/** 400 IncompleteBody for a payload of another length than declared. */
export function wrongLength(): GatewayError {
  return new GatewayError(
    'IncompleteBody',
    'You did not provide the number of bytes specified by the Content-Length HTTP header',
  );
}

function malformedTrailer(): GatewayError {
  return new GatewayError(
    'MalformedTrailerError',
    'The request contained trailing data that was not well-formed or did not conform to our published schema.',
  );
}
