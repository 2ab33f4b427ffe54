import type { Discard, Discarded } from './request-body.ts';

/** Connections whose refused bodies are still read and thrown away, so that their clients can read the answer. */
export interface Linger {
  /** Resolves when the client has sent everything or left, or at a bound; at once where too many linger already. */
  readonly over: (body: { readonly discard: (limit: Discard) => Discarded }, waits: boolean) => Promise<void>;
  /** Nobody lingers any longer: the house closes. */
  readonly end: () => void;
}

/**
 * Closing on unread bytes resets the connection, and a client that is still sending never sees the answer. Bounded, so that
 * refused requests are no way to occupy the house: in number, in bytes, in time, and in silence.
 */
const PLACES = 256;
const MOST_BYTES = 64 * 1024 * 1024;
const QUIET_MS = 2000;
/** A client that waits for `100 Continue` sends nothing; only those that lost patience do. */
const QUIET_WAITING_MS = 500;

/** `ms` is the longest that anybody lingers. */
export function createLinger(ms: number): Linger {
  const lingering = new Set<() => void>();
  let ended = false;
  return {
    over: async (body, waits) => {
      if (ended || lingering.size >= PLACES) return;
      const { done, stop } = body.discard({ bytes: MOST_BYTES, ms, quiet: waits ? QUIET_WAITING_MS : QUIET_MS });
      lingering.add(stop);
      await done;
      lingering.delete(stop);
    },
    end: () => {
      ended = true;
      for (const stop of lingering) stop();
    },
  };
}
