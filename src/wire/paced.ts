import { setTimeout } from 'node:timers/promises';

/** Where the time comes from, ms. */
export interface Pace {
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<unknown>;
}

const REAL: Pace = { now: () => performance.now(), wait: (ms) => setTimeout(ms) };

/**
 * The same bytes at no more than `bytesPerSecond` on average. Not a generator: one that nobody has started would not pass the end
 * of an answer on to its source.
 */
export function paced(
  source: AsyncIterable<Uint8Array>,
  bytesPerSecond: number,
  pace: Pace = REAL,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () => {
      const inner = source[Symbol.asyncIterator]();
      let due = pace.now();
      return {
        async next() {
          const ahead = due - pace.now();
          if (ahead > 0) await pace.wait(ahead);
          const step = await inner.next();
          // Time in which nobody read is not made up for.
          if (step.done !== true) due = Math.max(due, pace.now()) + (step.value.length / bytesPerSecond) * 1000;
          return step;
        },
        async return() {
          await inner.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
