import type { CustomerKey, ObservedEncryption } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import type { OperationName } from '../../model/operations.ts';
import type { Call, Place } from '../call/call.ts';
import { describe, honours, keysAt, type Expectation } from '../expectation.ts';

export interface Attested {
  readonly operation: OperationName;
  readonly key: string;
  readonly expected: Expectation;
  /** ETag of what was just written: a HEAD that shows another object proves nothing. */
  readonly etag: string;
  readonly versionId?: string | undefined;
  /** What the answer said; undefined when it was silent. */
  readonly observed: ObservedEncryption | undefined;
  readonly customerKey?: CustomerKey | undefined;
  /** Somebody else may have begun what this write goes on with: another encryption is then no lie of the store. */
  readonly begunElsewhere?: boolean;
}

/**
 * Compares what the store reports with what was decided, asking with HEAD where the answer was silent. Answers the
 * store's word. Throws `EncryptionNotHonoured` and distrusts the tuple from now on where the store itself has said
 * otherwise of this very write, and `ServiceUnavailable` where that cannot be told.
 */
export async function attest(call: Call, place: Place, written: Attested): Promise<ObservedEncryption | undefined> {
  const observed = await proven(call, place, written);
  recordOutcome(call, written.operation, observed);
  return observed;
}

/** The audit's second line for a write: what became of the decision. */
export function recordOutcome(call: Call, operation: OperationName, observed: ObservedEncryption | undefined): void {
  const storeSays = observed === undefined ? undefined : describe(observed);
  call.services.signals.outcome({ requestId: call.context.requestId, operation, storeSays });
}

async function proven(call: Call, place: Place, written: Attested): Promise<ObservedEncryption | undefined> {
  const { expected, observed } = written;
  if (expected.kind === 'unspecified') return observed;
  if (expected.kind === 'none') return observed ?? { kind: 'none' };
  if (observed !== undefined) {
    if (honours(expected, observed, keysAt(place.backend))) return observed;
    throw otherwise(call, place, written, observed);
  }
  const found = await answered(call, place, written);
  if (found === 'withheld') return undefined;
  const honoured = honours(expected, found.encryption, keysAt(place.backend));
  if (honoured && found.shows !== 'another object') return found.encryption;
  if (found.shows === 'this version') throw otherwise(call, place, written, found.encryption);
  throw unproven(call, place, written, {
    observed: found.encryption,
    why:
      found.shows === 'these bytes'
        ? `shows an object of the same ETag that is encrypted with ${describe(found.encryption)}, where the policy demands ${describe(expected)}: without a version id that may be another client's write of the same bytes`
        : "shows another object under this key, which another client's write may have put there",
  });
}

/** Parts are attested by their own answer alone: the object does not exist yet. */
export function attestPart(call: Call, place: Place, written: Omit<Attested, 'etag'>): void {
  const { expected, observed } = written;
  if (expected.kind === 'unspecified' || expected.kind === 'none' || observed === undefined) return;
  if (!honours(expected, observed, keysAt(place.backend))) throw otherwise(call, place, written, observed);
}

interface Found {
  readonly encryption: ObservedEncryption;
  /** Versions are never written twice; an ETag says only that the bytes are the same, which is enough where the bucket's rule encrypts. */
  readonly shows: 'this version' | 'these bytes' | 'another object';
}

/** What the store says when it is asked; where it cannot be asked, the client must not take the write for undone. */
async function answered(call: Call, place: Place, written: Attested): Promise<Found | 'withheld'> {
  try {
    return await ask(call, place, written);
  } catch (error) {
    // Clients complete SSE-C uploads without their key. The store shows such an object to nobody who lacks it, and every
    // part was written under the key: its refusal is its word, and the answer stays silent as the store's was.
    const keyless = written.expected.kind === 'customer' && written.customerKey === undefined;
    if (keyless && error instanceof GatewayError && error.code === 'InvalidRequest') return 'withheld';
    throw unproven(call, place, written, { why: 'could not be asked how it encrypted the object', cause: error });
  }
}

async function ask(call: Call, place: Place, written: Attested): Promise<Found> {
  const head = await place.backend.execute(
    {
      operation: 'HeadObject',
      bucket: place.storeBucket,
      key: written.key,
      conditions: {},
      checksumMode: false,
      overrides: {},
      ...(written.customerKey === undefined ? {} : { customerKey: written.customerKey }),
      ...(written.versionId === undefined ? {} : { versionId: written.versionId }),
    },
    { requestId: call.context.requestId },
  );
  // Where versioning is off or suspended every write of a key is the version `null`.
  const named = written.versionId !== undefined && written.versionId !== 'null';
  if (named && head.versionId === written.versionId) return { encryption: head.encryption, shows: 'this version' };
  const same = head.etag.toLowerCase() === written.etag.toLowerCase();
  if (!same) return { encryption: head.encryption, shows: 'another object' };
  // Where the bucket's rule encrypts, nobody writes the same bytes under another encryption beside this write.
  return { encryption: head.encryption, shows: place.backend.capabilities.perObject ? 'these bytes' : 'this version' };
}

/** The store's own word about a write is another than was decided: a lie, unless the write began elsewhere. */
function otherwise(
  call: Call,
  place: Place,
  written: Omit<Attested, 'etag'>,
  observed: ObservedEncryption,
): GatewayError {
  return written.begunElsewhere === true
    ? unproven(call, place, written, {
        observed,
        why: `reports ${describe(observed)} where ${describe(written.expected)} was found when the write began`,
      })
    : notHonoured(call, place, written, observed);
}

/** Nothing is remembered of such a write: whoever was first or second, no store has lied for certain. */
function unproven(
  call: Call,
  place: Place,
  written: Omit<Attested, 'etag'>,
  {
    why,
    observed,
    cause,
  }: { readonly why: string; readonly observed?: ObservedEncryption | undefined; readonly cause?: unknown },
): GatewayError {
  call.services.signals.unproven({
    requestId: call.context.requestId,
    store: place.backend.name,
    bucket: place.bucket,
    operation: written.operation,
    kind: written.expected.kind,
    expected: describe(written.expected),
    observed: observed === undefined ? undefined : describe(observed),
  });
  return new GatewayError(
    'ServiceUnavailable',
    `The store answered success to ${written.operation} but ${why}. What it wrote is unproven: the object that was there may have been overwritten.`,
    { cause },
  );
}

function notHonoured(
  call: Call,
  place: Place,
  written: Omit<Attested, 'etag'>,
  observed: ObservedEncryption,
): GatewayError {
  const expected = describe(written.expected);
  call.snapshot.distrust.add({
    store: place.backend.name,
    bucket: place.storeBucket,
    operation: written.operation,
    kind: written.expected.kind,
  });
  call.services.signals.notHonoured({
    requestId: call.context.requestId,
    store: place.backend.name,
    bucket: place.bucket,
    operation: written.operation,
    kind: written.expected.kind,
    expected,
    observed: describe(observed),
  });
  return new GatewayError(
    'EncryptionNotHonoured',
    `The store answered success to ${written.operation} but reports ${describe(observed)} where the policy demands ${expected}. What it wrote must not be relied on: the object that was there may have been overwritten.`,
  );
}
