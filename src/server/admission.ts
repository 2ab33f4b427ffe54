/** How much may be under way at once, of all clients and of one. */
export interface AdmissionLimits {
  /** Bytes that all requests under way may hold in memory. */
  readonly bytes: number;
  readonly requests: number;
  /** One client's share; three quarters of the whole where nothing is said. */
  readonly client?: { readonly bytes?: number | undefined; readonly requests?: number | undefined };
}

export interface Admission {
  /** A place for a request whose signature is known, or undefined when the house, or the client's share of it, is full. */
  readonly admit: (asked: Asked) => Ticket | undefined;
  readonly inFlight: () => Held;
}

export interface Asked {
  /** Whose signature it is. */
  readonly client: string;
  /** Bytes of its body; undefined: chunked. */
  readonly length: number | undefined;
  /** It only reads: the last eighth of the house is kept for such. */
  readonly reads: boolean;
}

export interface Ticket {
  /** Gives the place back; more than once does no harm. */
  readonly release: () => void;
}

interface Held {
  readonly requests: number;
  readonly bytes: number;
}

/** Head, stream buffers of both directions and the kernel's share of one transfer. */
const FIXED_BYTES = 128 * 1024;
/** No transfer holds more of its body than its stream buffers, whatever its size. */
const WINDOW_BYTES = 1024 * 1024;
/** A lone heavy client is not throttled, and others still find a place. */
const CLIENT_SHARE = 3 / 4;
/** Held-open uploads of however many clients leave this much to reads. */
const WRITE_SHARE = 7 / 8;
const NOTHING: Held = { requests: 0, bytes: 0 };

/** Counts places: what does not fit is refused before its body is read, instead of growing the process until it dies. */
export function createAdmission(limits: AdmissionLimits): Admission {
  const whole: Held = { requests: limits.requests, bytes: limits.bytes };
  const share: Held = {
    requests: limits.client?.requests ?? whole.requests * CLIENT_SHARE,
    bytes: limits.client?.bytes ?? whole.bytes * CLIENT_SHARE,
  };
  const writes: Held = { requests: whole.requests * WRITE_SHARE, bytes: whole.bytes * WRITE_SHARE };
  const clients = new Map<string, Held>();
  let all = NOTHING;
  let writing = NOTHING;

  const add = ({ client, reads }: Asked, change: Held): void => {
    all = sum(all, change);
    if (!reads) writing = sum(writing, change);
    const own = sum(clients.get(client) ?? NOTHING, change);
    if (own.requests === 0) clients.delete(client);
    else clients.set(client, own);
  };

  return {
    admit: (asked) => {
      const place = { requests: 1, bytes: FIXED_BYTES + Math.min(asked.length ?? WINDOW_BYTES, WINDOW_BYTES) };
      const own = clients.get(asked.client) ?? NOTHING;
      // Whoever is alone gets what the whole allows: a share that is smaller than one request would refuse it for ever.
      if (!within(sum(all, place), whole)) return undefined;
      if (own.requests > 0 && !within(sum(own, place), share)) return undefined;
      if (!asked.reads && writing.requests > 0 && !within(sum(writing, place), writes)) return undefined;
      add(asked, place);
      let held = true;
      return {
        release: () => {
          if (!held) return;
          held = false;
          add(asked, { requests: -1, bytes: -place.bytes });
        },
      };
    },
    inFlight: () => all,
  };
}

function sum(a: Held, b: Held): Held {
  return { requests: a.requests + b.requests, bytes: a.bytes + b.bytes };
}

function within(held: Held, limit: Held): boolean {
  return held.requests <= limit.requests && held.bytes <= limit.bytes;
}
