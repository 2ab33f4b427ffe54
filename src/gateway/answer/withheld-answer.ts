import { GatewayError } from '../../model/errors.ts';

/** Work whose outcome must be known before a head goes out. */
export interface Withheld<T> {
  /** `signal` is aborted once the client cannot wait any longer, or has gone. */
  readonly work: (signal: AbortSignal) => Promise<T>;
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal | undefined;
  /** ms that the client may be kept waiting. */
  readonly limit: number;
  readonly then: 'is cancelled' | 'goes on';
}

/**
 * The outcome, for clients that take any 200 for a success. At the limit a copy is cancelled, and its own end is awaited:
 * one that the store has already taken is a success after all. A Complete is left to go on.
 */
export async function withheldAnswer<T>({ work, gone, limit, then }: Withheld<T>): Promise<T> {
  const late = new AbortController();
  const left = (): void => late.abort(gone?.reason);
  if (gone?.aborted === true) left();
  gone?.addEventListener('abort', left, { once: true });
  const running = work(late.signal);
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, limit, undefined);
  });
  try {
    const first = await Promise.race([running.then((result) => ({ result })), tooLate]);
    if (first !== undefined) return first.result;
  } finally {
    clearTimeout(timer);
  }
  late.abort(cancelled(limit));
  if (then === 'is cancelled') return await running;
  // Whoever asks again gets the outcome; what went wrong is recorded where it does.
  running.catch(() => undefined);
  throw new GatewayError(
    'ServiceUnavailable',
    `The request was not finished within ${limit} ms. It goes on: the same request again gets its result.`,
  );
}

function cancelled(limit: number): GatewayError {
  return new GatewayError(
    'ServiceUnavailable',
    `The copy was not finished within ${limit} ms and was cancelled. A store that copies by itself may have gone on: ask for the target before you rely on what it is.`,
  );
}
