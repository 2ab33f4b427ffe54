/** How fast a client sends while somebody waits for it. */
export interface Pace {
  /** The reader wants bytes from now on. */
  readonly wanted: (now: number) => void;
  /** The reader has enough for now: what it takes from here on is not the client's doing. */
  readonly enough: (now: number) => void;
  readonly came: (bytes: number, now: number) => void;
  /** Over a whole window of waiting fewer bytes came than the rate asks for. */
  readonly tooSlow: (now: number) => boolean;
}

export interface PaceRule {
  /** Bytes a second. */
  readonly rate: number;
  /** ms of waiting over which the rate is judged. */
  readonly window: number;
}

/** Only time in which the reader waited counts: a store that takes its time slows the client, not the other way round. Times in ms. */
export function createPace({ rate, window }: PaceRule): Pace {
  let since: number | undefined;
  let waited = 0;
  let bytes = 0;
  const settle = (now: number): void => {
    if (since === undefined) return;
    waited += now - since;
    since = now;
  };
  return {
    wanted: (now) => {
      since ??= now;
    },
    enough: (now) => {
      settle(now);
      since = undefined;
    },
    came: (count) => {
      bytes += count;
    },
    tooSlow: (now) => {
      settle(now);
      if (waited < window) return false;
      const slow = bytes < (rate * waited) / 1000;
      waited = 0;
      bytes = 0;
      return slow;
    },
  };
}
