import type { DistrustMemory } from '../gateway/memory/distrust.ts';
import type { Snapshot } from '../gateway/call/snapshot.ts';
import type { TrustOutcome, TrustRequest } from '../server/admin.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** The operator believes a store again: he has mended it, or knows better. */
export function trustOf(
  memory: DistrustMemory,
  snapshot: () => Snapshot,
  { audit, logger }: Pick<Telemetry, 'audit' | 'logger'>,
): (which: TrustRequest) => TrustOutcome {
  return ({ store, bucket }) => {
    const { directory, policy } = snapshot();
    if (store !== undefined && !directory.all.some(({ name }) => name === store))
      return { ok: false, message: `there is no store ${store}` };
    const cleared = memory.clear(
      (tuple) =>
        (store === undefined || tuple.store === store) &&
        (bucket === undefined || tuple.bucket === bucket || policy.bucketAt(tuple.store, tuple.bucket) === bucket),
    );
    const details = { store, bucket, cleared };
    logger.info(details, 'distrust cleared');
    audit.write({ kind: 'configuration', requestId: '', outcome: 'trusted', details });
    return { ok: true, cleared };
  };
}
