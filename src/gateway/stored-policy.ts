import { DIALECTS } from '../dialects/index.ts';
import { askedOf, type BucketPolicyCondition, type BucketPolicyStatement } from '../model/bucket-policy.ts';
import { GatewayError } from '../model/errors.ts';
import type { AskedEncryption, Wish } from '../model/objects.ts';
import { ACTION_OF, type OperationName, type StorageRequest } from '../model/operations.ts';
import { enter, locate, type Call, type Place } from './call.ts';

/**
 * Stored bucket policies are enforced here too, because the store sees only the gateway's hop: whether the client came
 * over TLS, and what it asked for, are known at this side. Only what is fully understood is ever accepted.
 */
export interface StoredPolicies {
  /** The statements of a bucket, kept for a while; `undefined`: it has no policy. */
  of(call: Call, place: Place): Promise<readonly BucketPolicyStatement[] | undefined>;
  forget(place: Place): void;
}

const LIMIT = 10_000;

export function createStoredPolicies(now: () => number, interval: number): StoredPolicies {
  const kept = new Map<
    string,
    { readonly until: number; readonly statements: readonly BucketPolicyStatement[] | undefined }
  >();
  const idOf = (place: Place): string => JSON.stringify([place.backend.name, place.storeBucket]);
  return {
    async of(call, place) {
      const known = kept.get(idOf(place));
      if (known !== undefined && known.until > now()) return known.statements;
      const statements = await load(call, place);
      const oldest = kept.size >= LIMIT ? kept.keys().next().value : undefined;
      if (oldest !== undefined) kept.delete(oldest);
      kept.set(idOf(place), { until: now() + interval, statements });
      return statements;
    },
    forget: (place) => kept.delete(idOf(place)),
  };
}

/** Takes a policy only if every statement of it will be enforced here; else it is refused, never half-enforced. */
export async function putBucketPolicy(call: Call, request: StorageRequest<'PutBucketPolicy'>): Promise<object> {
  const place = enter(call, 'configure', request.bucket);
  call.dialect.parseBucketPolicy(request.document);
  if (place.backend.dialect !== undefined && !place.sameDialect)
    throw new GatewayError(
      'NotImplemented',
      `A bucket policy in the language of ${call.dialect.name} cannot be kept by a store that speaks ${place.backend.dialect}.`,
    );
  const result = await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context);
  call.services.storedPolicies.forget(place);
  return result;
}

export async function deleteBucketPolicy(call: Call, request: StorageRequest<'DeleteBucketPolicy'>): Promise<object> {
  const place = enter(call, 'configure', request.bucket);
  const result = await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context);
  call.services.storedPolicies.forget(place);
  return result;
}

/** Judged before an ill-formed wish becomes a 400, as AWS does: deny beats everything. */
export async function enforceStoredPolicy(call: Call, request: StorageRequest): Promise<void> {
  if (request.operation === 'ListBuckets' || request.operation === 'CreateBucket' || isPolicyCall(request.operation))
    return;
  const place = locate(call, request.bucket);
  const statements = await call.services.storedPolicies.of(call, place);
  if (statements === undefined) return;
  const subjects = subjectsOf(request);
  for (const subject of subjects) {
    if (statements.some((statement) => denies(statement, call, subject)))
      throw new GatewayError('AccessDenied', 'Access Denied', {
        ec: '0003-00000101',
        wording: { oss: 'Access denied by bucket policy.' },
      });
  }
}

interface Subject {
  readonly action: string;
  readonly key: string;
  readonly asked: AskedEncryption | undefined;
}

function subjectsOf(request: Exclude<StorageRequest, { operation: 'ListBuckets' }>): readonly Subject[] {
  const action = request.operation === 'Passthrough' ? request.access : ACTION_OF[request.operation];
  const wish: Wish | undefined = 'wish' in request ? request.wish : undefined;
  // Parts and Complete cannot carry the headers that a policy asks for: Create was judged for them.
  const asked = wish === undefined ? undefined : askedOf(wish);
  if (request.operation === 'DeleteObjects') return request.objects.map(({ key }) => ({ action, key, asked }));
  return [{ action, key: 'key' in request ? (request.key ?? '') : '', asked }];
}

function denies(statement: BucketPolicyStatement, call: Call, subject: Subject): boolean {
  return (
    statement.effect === 'Deny' &&
    (statement.principals.includes('*') || statement.principals.includes(call.client.principal.accessKeyId)) &&
    statement.actions.some((action) => action === '*' || action === subject.action) &&
    statement.resources.some((pattern) => like(subject.key, pattern)) &&
    statement.conditions.every((condition) => holds(condition, call, subject))
  );
}

/** A condition about encryption is about requests that can ask for one. */
function holds(condition: BucketPolicyCondition, call: Call, { asked }: Subject): boolean {
  if (condition.subject === 'secureTransport') return condition.values.includes(String(call.wire.connection.secure));
  if (asked === undefined) return false;
  const value = asked[condition.subject];
  switch (condition.operator) {
    case 'absent':
      return condition.values.includes(String(value === undefined));
    // AWS: a negated operator is true where the key is missing, a positive one is false.
    case 'notEquals':
      return value === undefined || !condition.values.includes(value);
    case 'notLike':
      return value === undefined || !condition.values.some((pattern) => like(value, pattern));
    case 'equals':
      return value !== undefined && condition.values.includes(value);
    case 'like':
      return value !== undefined && condition.values.some((pattern) => like(value, pattern));
    case 'bool':
      return false;
  }
}

/** `*` and `?` over the whole text, in linear time. */
export function like(text: string, pattern: string): boolean {
  let [at, inPattern, star, mark] = [0, 0, -1, 0];
  while (at < text.length) {
    const wanted = pattern[inPattern];
    if (wanted === '*') {
      star = inPattern++;
      mark = at;
    } else if (wanted === '?' || wanted === text[at]) {
      inPattern++;
      at++;
    } else if (star !== -1) {
      inPattern = star + 1;
      at = ++mark;
    } else return false;
  }
  while (pattern[inPattern] === '*') inPattern++;
  return inPattern === pattern.length;
}

async function load(call: Call, place: Place): Promise<readonly BucketPolicyStatement[] | undefined> {
  try {
    const { document } = await place.backend.execute(
      { operation: 'GetBucketPolicy', bucket: place.storeBucket },
      { requestId: call.context.requestId },
    );
    return document === undefined ? undefined : understand(document, place.backend.dialect);
  } catch (error) {
    // No policy, no bucket, or a store without bucket policies: nothing to enforce. Anything else fails closed.
    if (
      error instanceof GatewayError &&
      ['NoSuchBucketPolicy', 'NoSuchBucket', 'NotImplemented', 'MethodNotAllowed', 'AccessDenied'].includes(error.code)
    )
      return undefined;
    throw error;
  }
}

/** The embedded store keeps documents of every language: the one that understands it reads it. */
function understand(document: string, language: string | undefined): readonly BucketPolicyStatement[] {
  let failure: unknown;
  for (const dialect of Object.values(DIALECTS)) {
    if (language !== undefined && dialect.name !== language) continue;
    try {
      return dialect.parseBucketPolicy(document);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

function isPolicyCall(operation: OperationName): boolean {
  return operation === 'GetBucketPolicy' || operation === 'PutBucketPolicy' || operation === 'DeleteBucketPolicy';
}
