import { DEFAULT_KEY, type CustomerKey, type ObservedEncryption } from '../model/encryption.ts';
import { GatewayError } from '../model/errors.ts';
import type { OperationName } from '../model/operations.ts';
import type { Call, Place } from './call.ts';
import type { Expectation } from './upload-token.ts';

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
}

/**
 * Compares what the store reports with what was decided, asking with HEAD where the answer was silent. Answers the
 * store's word, or throws `EncryptionNotHonoured` and distrusts the tuple from now on.
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
  if (written.expected.kind === 'unspecified') return written.observed;
  if (written.expected.kind === 'none') return written.observed ?? { kind: 'none' };
  const observed = written.observed ?? (await answered(call, place, written));
  if (observed === 'withheld') return undefined;
  if (observed !== undefined && honours(written.expected, observed)) return observed;
  throw notHonoured(call, place, written, observed);
}

/** Parts are attested by their own answer alone: the object does not exist yet. */
export function attestPart(call: Call, place: Place, written: Omit<Attested, 'etag'>): void {
  const { expected, observed } = written;
  if (expected.kind === 'unspecified' || expected.kind === 'none' || observed === undefined) return;
  if (!honours(expected, observed)) throw notHonoured(call, place, written, observed);
}

/** Whether the store's report is the decision: same kind, key, algorithm and layers. */
export function honours(expected: Expectation, observed: ObservedEncryption): boolean {
  switch (expected.kind) {
    case 'unspecified':
    case 'none':
      return true;
    case 'managed':
      return observed.kind === 'managed' && observed.algorithm === expected.algorithm;
    case 'customer':
      return observed.kind === 'customer' && observed.md5 === expected.md5;
    case 'kms':
      return (
        observed.kind === 'kms' &&
        observed.algorithm === expected.algorithm &&
        observed.layers === expected.layers &&
        (expected.key === DEFAULT_KEY || (observed.key !== undefined && sameKey(expected.key, observed.key)))
      );
  }
}

/** Words for logs and errors; no key material. */
export function describe(encryption: Expectation | ObservedEncryption | undefined): string {
  if (encryption === undefined) return 'nothing';
  switch (encryption.kind) {
    case 'unspecified':
      return "the store's default";
    case 'none':
      return 'none';
    case 'managed':
      return `managed ${encryption.algorithm}`;
    case 'customer':
      return "a customer's key";
    case 'kms':
      return `kms ${encryption.key ?? '(unnamed)'}${encryption.algorithm === 'AES256' ? '' : ` ${encryption.algorithm}`}${encryption.layers === 2 ? ' in two layers' : ''}`;
  }
}

/**
 * Stores answer a key's ARN (AWS) or `arn:aws:kms:<name>` (MinIO) to a bare id. An alias is answered with the key
 * behind it, which only the store can resolve: there the kind and a named key are all that can be proven.
 */
function sameKey(expected: string, observed: string): boolean {
  if (expected === observed) return true;
  if (/(^|:)alias\//.test(expected)) return observed !== '';
  return (
    !expected.startsWith('arn:') &&
    (observed.endsWith(`/${expected}`) || (observed.startsWith('arn:') && observed.endsWith(`:${expected}`)))
  );
}

/** What the store says when it is asked; where it cannot be asked, the client must not take the write for undone. */
async function answered(
  call: Call,
  place: Place,
  written: Attested,
): Promise<ObservedEncryption | 'withheld' | undefined> {
  try {
    return await ask(call, place, written);
  } catch (error) {
    // Clients complete SSE-C uploads without their key. The store shows such an object to nobody who lacks it, and every
    // part was written under the key: its refusal is its word, and the answer stays silent as the store's was.
    const keyless = written.expected.kind === 'customer' && written.customerKey === undefined;
    if (keyless && error instanceof GatewayError && error.code === 'InvalidRequest') return 'withheld';
    throw new GatewayError(
      'ServiceUnavailable',
      `The store answered success to ${written.operation} but could not be asked how it encrypted the object. What it wrote is unproven: the object that was there may have been overwritten.`,
      { cause: error },
    );
  }
}

async function ask(call: Call, place: Place, written: Attested): Promise<ObservedEncryption | undefined> {
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
  const same = head.etag.toLowerCase() === written.etag.toLowerCase();
  const sameVersion = written.versionId !== undefined && head.versionId === written.versionId;
  return same || sameVersion ? head.encryption : undefined;
}

function notHonoured(
  call: Call,
  place: Place,
  written: Omit<Attested, 'etag'>,
  observed: ObservedEncryption | undefined,
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
    expected,
    observed: describe(observed),
  });
  return new GatewayError(
    'EncryptionNotHonoured',
    `The store answered success to ${written.operation} but reports ${describe(observed)} where the policy demands ${expected}. What it wrote must not be relied on: the object that was there may have been overwritten.`,
  );
}
