import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { GatewayError } from '../model/errors.ts';
import { createPace, type PaceRule } from './pace.ts';

/** A request's payload on its way to the one reader that may ask for it. */
export interface RequestBody {
  /** Chunks are handed on by reference. Fails with `IncompleteBody` when the client leaves early. */
  readonly stream: Readable;
  /** The reader waits for bytes that the client has not sent. */
  readonly owed: () => boolean;
  /** Ends the reader's wait with this error; the answer can still be written. */
  readonly fail: (error: GatewayError) => void;
  /** Throws away what is still to come, within limits. */
  readonly discard: (limit: Discard) => Discarded;
  /** `100 Continue` is still owed to the client. */
  readonly unanswered: () => boolean;
}

export interface Discard {
  readonly bytes: number;
  readonly ms: number;
  /** ms without a byte. */
  readonly quiet?: number;
}

export interface Discarded {
  /** True when the message is complete. */
  readonly done: Promise<boolean>;
  readonly stop: () => void;
}

export interface BodyOptions {
  /** Sends `100 Continue`; it runs at the first read, that is, after the request was verified and decided on. */
  readonly announce: (() => void) | undefined;
  /** A client that sends more slowly than this while its reader waits is told to `slow`. */
  readonly pace?: PaceRule;
  readonly slow?: () => void;
}

export function requestBody(incoming: IncomingMessage, { announce, pace: rule, slow }: BodyOptions): RequestBody {
  let started = false;
  let ended = false;
  const pace = rule === undefined ? undefined : createPace(rule);
  let clock: NodeJS.Timeout | undefined;
  const onData = (chunk: Buffer): void => {
    pace?.came(chunk.length, performance.now());
    if (stream.push(chunk)) return;
    pace?.enough(performance.now());
    incoming.pause();
  };
  const onEnd = (): void => {
    ended = true;
    clearInterval(clock);
    stream.push(null);
  };
  const detach = (): void => {
    clearInterval(clock);
    incoming.off('data', onData);
    incoming.off('end', onEnd);
    incoming.pause();
  };
  const watchPace = (): void => {
    if (pace === undefined || rule === undefined) return;
    clock = setInterval(() => {
      if (pace.tooSlow(performance.now())) slow?.();
    }, rule.window / 6).unref();
  };
  const stream = new Readable({
    highWaterMark: incoming.readableHighWaterMark,
    read: () => {
      pace?.wanted(performance.now());
      if (started) {
        incoming.resume();
        return;
      }
      started = true;
      announce?.();
      watchPace();
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
    discard: (limit) => {
      detach();
      return discardRest(incoming, limit);
    },
  };
}

function discardRest(incoming: IncomingMessage, { bytes, ms, quiet }: Discard): Discarded {
  if (incoming.complete || incoming.destroyed)
    return { done: Promise.resolve(incoming.complete), stop: () => undefined };
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let left = bytes;
  const settle = (): void => {
    clearTimeout(timer);
    clearTimeout(silence);
    incoming.off('data', onData);
    incoming.off('end', settle);
    incoming.off('close', settle);
    resolve(incoming.complete);
  };
  const onData = (chunk: Buffer): void => {
    left -= chunk.length;
    silence?.refresh();
    if (left < 0) {
      incoming.pause();
      settle();
    }
  };
  const timer = setTimeout(settle, ms);
  const silence = quiet === undefined ? undefined : setTimeout(settle, quiet);
  incoming.on('data', onData);
  incoming.on('end', settle);
  incoming.on('close', settle);
  incoming.resume();
  return { done: promise, stop: settle };
}
