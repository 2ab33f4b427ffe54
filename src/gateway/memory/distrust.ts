import { createOldestOut } from './oldest-out.ts';

/** A kind of write to a bucket. */
export interface DistrustTuple {
  readonly store: string;
  /** As the store calls it. */
  readonly bucket: string;
  readonly operation: string;
  readonly kind: string;
}

/** Which stores did not do as they said, as one configuration sees it. */
export interface Distrust {
  add(tuple: DistrustTuple): void;
  has(tuple: DistrustTuple): boolean;
  all(): readonly DistrustTuple[];
}

/** What part of the configuration a lie was told under: it is believed again when that part has changed. */
export type TrustMark = (store: string, bucket: string) => string;

/** What was found out, across reloads. */
export interface DistrustMemory {
  /** Requests under way over a reload add to the same memory, under the marks that they began with. */
  under(mark: TrustMark): Distrust;
  /** Forgets a bucket, a store, or everything; answers how many tuples. */
  clear(matches: (tuple: DistrustTuple) => boolean): number;
}

/** Bounded by stores × buckets × operations × kinds in use; the oldest go first past the limit. */
const DISTRUST_LIMIT = 10_000;

export function createDistrustMemory(): DistrustMemory {
  const kept = createOldestOut<{ readonly tuple: DistrustTuple; readonly mark: string }>(DISTRUST_LIMIT);
  const idOf = ({ store, bucket, operation, kind }: DistrustTuple, mark: string): string =>
    JSON.stringify([store, bucket, operation, kind, mark]);
  return {
    under: (markOf) => ({
      add(tuple) {
        const mark = markOf(tuple.store, tuple.bucket);
        kept.set(idOf(tuple, mark), { tuple, mark });
      },
      has: (tuple) => kept.size > 0 && kept.get(idOf(tuple, markOf(tuple.store, tuple.bucket))) !== undefined,
      all: () =>
        [...kept.entries()].flatMap(([, { tuple, mark }]) =>
          mark === markOf(tuple.store, tuple.bucket) ? [tuple] : [],
        ),
    }),
    clear(matches) {
      const found = [...kept.entries()].filter(([, { tuple }]) => matches(tuple));
      for (const [id] of found) kept.delete(id);
      return found.length;
    },
  };
}
