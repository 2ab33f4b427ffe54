import { createOldestOut } from './oldest-out.ts';

/** A bucket at a store. */
export interface StoreBucketName {
  readonly store: string;
  /** As the store calls it. */
  readonly bucket: string;
}

/** Which buckets' own rules were seen to be as the policy demands, for a while. */
export interface CheckedRules {
  /** Asks with `check` unless the same rule was seen less than `interval` ms ago. */
  once(
    bucket: StoreBucketName,
    rule: { readonly what: string; readonly interval: number },
    check: () => Promise<void>,
  ): Promise<void>;
  /** A reload or a changed rule forgets what was checked. */
  forget(): void;
}

const LIMIT = 10_000;

export function createCheckedRules(now: () => number): CheckedRules {
  const checked = createOldestOut<{ readonly until: number; readonly what: string }>(LIMIT);
  let forgotten = 0;
  return {
    async once({ store, bucket }, { what, interval }, check) {
      const id = JSON.stringify([store, bucket]);
      const known = checked.get(id);
      if (known !== undefined && known.until > now() && known.what === what) return;
      checked.delete(id);
      const before = forgotten;
      await check();
      // The rule was changed while it was read: what was seen may be gone.
      if (forgotten !== before) return;
      checked.set(id, { until: now() + interval, what });
    },
    forget: () => {
      forgotten += 1;
      checked.clear();
    },
  };
}
