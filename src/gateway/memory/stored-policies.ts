import type { CompiledStatements } from './policy-statements.ts';
import type { StoreBucketName } from './checked-rules.ts';
import { createOldestOut } from './oldest-out.ts';

type Statements = Promise<CompiledStatements | undefined>;

/** Buckets' stored policies, compiled and kept for a while. */
export interface StoredPolicies {
  /** The statements of a bucket, read by `load` where none are kept; `undefined`: it has no policy. */
  of(bucket: StoreBucketName, load: () => Statements): Statements;
  forget(bucket: StoreBucketName): void;
  clear(): void;
}

const LIMIT = 10_000;

export function createStoredPolicies(now: () => number, interval: number): StoredPolicies {
  const kept = createOldestOut<{ readonly until: number; readonly statements: Statements }>(LIMIT);
  const idOf = ({ store, bucket }: StoreBucketName): string => JSON.stringify([store, bucket]);
  return {
    async of(bucket, load) {
      const id = idOf(bucket);
      const known = kept.get(id);
      if (known !== undefined && known.until > now()) return await known.statements;
      // Kept from its beginning, so that a policy that is put meanwhile forgets what is being read, too.
      const entry = { until: now() + interval, statements: load() };
      kept.set(id, entry);
      entry.statements.catch(() => {
        if (kept.get(id) === entry) kept.delete(id);
      });
      return await entry.statements;
    },
    forget: (bucket) => kept.delete(idOf(bucket)),
    clear: () => kept.clear(),
  };
}
