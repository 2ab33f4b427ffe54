import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { GatewayError } from '../model/errors.ts';

/** A request's payload on its way to the one reader that may ask for it. */
export interface RequestBody {
  /** Chunks are handed on by reference. Fails with `IncompleteBody` when the client leaves early. */
  readonly stream: Readable;
  /** The reader waits for bytes that the client has not sent. */
  readonly owed: () => boolean;
  /** Ends the reader's wait with this error; the answer can still be written. */
  readonly fail: (error: GatewayError) => void;
  /** Throws away what is still to come, within limits; true when the message is complete. */
  readonly discard: (limit: { readonly bytes: number; readonly ms: number }) => Promise<boolean>;
  /** `100 Continue` is still owed to the client. */
  readonly unanswered: () => boolean;
}

/** `announce` sends `100 Continue`; it runs at the first read, that is, after the request was verified and decided on. */
export function requestBody(incoming: IncomingMessage, announce: (() => void) | undefined): RequestBody {
  let started = false;
  let ended = false;
  const onData = (chunk: Buffer): void => {
    if (!stream.push(chunk)) incoming.pause();
  };
  const onEnd = (): void => {
    ended = true;
    stream.push(null);
  };
  const detach = (): void => {
    incoming.off('data', onData);
    incoming.off('end', onEnd);
    incoming.pause();
  };
  const stream = new Readable({
    highWaterMark: incoming.readableHighWaterMark,
    read: () => {
      if (started) {
        incoming.resume();
        return;
      }
      started = true;
      announce?.();
      incoming.on('data', onData);
      incoming.on('end', onEnd);
    },
    destroy: (error, done) => {
      detach();
      done(error);
    },
  });
  // A message that came whole is dropped with its connection too, as far as it was not yet read: its reader would wait for ever.
  const onGone = (): void => {
    if (!ended) stream.destroy(new GatewayError('IncompleteBody', 'The request body terminated unexpectedly'));
  };
  // Without listeners a client that leaves before anybody reads would end the process.
  stream.on('error', () => undefined);
  incoming.on('error', onGone);
  incoming.on('close', onGone);
  return {
    stream,
    owed: () =>
      started &&
      !incoming.complete &&
      !stream.destroyed &&
      incoming.readableLength === 0 &&
      stream.readableLength === 0,
    fail: (error) => stream.destroy(error),
    unanswered: () => announce !== undefined && !started,
    discard: ({ bytes, ms }) => {
      detach();
      return discardRest(incoming, bytes, ms);
    },
  };
}

function discardRest(incoming: IncomingMessage, limit: number, ms: number): Promise<boolean> {
  if (incoming.complete) return Promise.resolve(true);
  if (incoming.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    let left = limit;
    const settle = (): void => {
      clearTimeout(timer);
      incoming.off('data', onData);
      incoming.off('end', settle);
      incoming.off('close', settle);
      resolve(incoming.complete);
    };
    const onData = (chunk: Buffer): void => {
      left -= chunk.length;
      if (left < 0) {
        incoming.pause();
        settle();
      }
    };
    const timer = setTimeout(settle, ms);
    incoming.on('data', onData);
    incoming.on('end', settle);
    incoming.on('close', settle);
    incoming.resume();
  });
}
