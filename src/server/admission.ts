/** How much may be under way at once. */
export interface AdmissionLimits {
  /** Bytes that all requests under way may hold in memory. */
  readonly bytes: number;
  readonly requests: number;
}

export interface Admission {
  /** A place for a request with a body of `length` bytes (undefined: chunked), or undefined when the house is full. */
  readonly admit: (length: number | undefined) => Ticket | undefined;
  readonly inFlight: () => { readonly requests: number; readonly bytes: number };
}

export interface Ticket {
  /** Gives the place back; more than once does no harm. */
  readonly release: () => void;
}

/** Head, stream buffers of both directions and the kernel's share of one transfer. */
const FIXED_BYTES = 128 * 1024;
/** No transfer holds more of its body than its stream buffers, whatever its size. */
const WINDOW_BYTES = 1024 * 1024;

/** Counts places: what does not fit is refused before its body is read, instead of growing the process until it dies. */
export function createAdmission(limits: AdmissionLimits): Admission {
  let requests = 0;
  let bytes = 0;
  return {
    admit: (length) => {
      const share = FIXED_BYTES + Math.min(length ?? WINDOW_BYTES, WINDOW_BYTES);
      if (requests >= limits.requests || bytes + share > limits.bytes) return undefined;
      requests++;
      bytes += share;
      let held = true;
      return {
        release: () => {
          if (!held) return;
          held = false;
          requests--;
          bytes -= share;
        },
      };
    },
    inFlight: () => ({ requests, bytes }),
  };
}
