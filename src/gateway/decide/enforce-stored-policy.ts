import { DIALECTS } from '../../dialects/index.ts';
import { askedOf, type BucketPolicyStatement } from '../../model/bucket-policy.ts';
import { GatewayError } from '../../model/errors.ts';
import type { AskedEncryption } from '../../model/objects.ts';
import { ACTION_OF, type Action, type OperationName, type StorageRequest } from '../../model/operations.ts';
import { locate, storeBucketOf, type Call, type Place } from '../call/call.ts';
import { compileStatements, type CompiledStatements, type PolicySubject } from '../memory/policy-statements.ts';
import { type Expectation, keysAt } from '../expectation.ts';

/**
 * Stored bucket policies are enforced here too, because the store sees only the gateway's hop: whether the client came
 * over TLS, and what it asked for, are known at this side. Only what is fully understood is ever accepted. Judged before an
 * ill-formed wish becomes a 400, as AWS does: deny beats everything.
 */
export async function enforceStoredPolicy(call: Call, request: StorageRequest): Promise<void> {
  if (request.operation === 'ListBuckets' || request.operation === 'CreateBucket') return;
  const place = locate(call, request.bucket);
  await enforce(call, place, request.operation, () => judgedOf(call, place, request));
  if (request.operation !== 'CopyObject' && request.operation !== 'UploadPartCopy') return;
  const { source } = request;
  await enforce(call, locate(call, source.bucket), 'GetObject', () =>
    Promise.resolve({ subject: { ...callerOf(call), action: 'read', asked: {}, keyNames: [] }, keys: [source.key] }),
  );
}

/** What statements are asked about: one subject, and every key that it would touch. */
interface Judged {
  readonly subject: PolicySubject;
  readonly keys: readonly (string | undefined)[];
}

async function enforce(
  call: Call,
  place: Place,
  operation: OperationName,
  judged: () => Promise<Judged>,
): Promise<void> {
  // Who holds no grant at all is refused anyway, and must not make the gateway ask stores.
  if (!call.snapshot.policy.visible(call.client.principal, place.bucket)) return;
  const all = await storedStatements(call, place);
  // Nobody is locked out of mending a policy but by the transport, which the caller can change.
  const statements = isPolicyCall(operation) ? all?.aboutTransport() : all;
  if (statements === undefined || statements.empty) return;
  const { subject, keys } = await judged();
  if (await statements.deny(subject, keys))
    throw new GatewayError('AccessDenied', 'Access Denied', {
      ec: '0003-00000101',
      wording: { oss: 'Access denied by bucket policy.' },
    });
}

async function judgedOf(
  call: Call,
  place: Place,
  request: Exclude<StorageRequest, { operation: 'ListBuckets' }>,
): Promise<Judged> {
  const action = statementAction(request);
  const asked = await askedBy(call, place, request);
  const keyId = asked === 'unasked' ? undefined : asked.kmsKeyId;
  const subject = {
    ...callerOf(call),
    action,
    asked,
    keyNames: keyId === undefined ? [] : namesOf(call, place, keyId),
  };
  if (request.operation === 'DeleteObjects') return { subject, keys: request.objects.map(({ key }) => key) };
  return { subject, keys: ['key' in request ? request.key : undefined] };
}

/** Parts and Complete cannot carry the headers that a policy asks for: what their Create recorded stands for them. */
async function askedBy(call: Call, place: Place, request: StorageRequest): Promise<PolicySubject['asked']> {
  switch (request.operation) {
    case 'PutObject':
    case 'CopyObject':
    case 'AppendObject':
    case 'CreateMultipartUpload':
      return askedOf(request.wish);
    case 'UploadPart':
    case 'UploadPartCopy':
    case 'CompleteMultipartUpload':
      return await recorded(call, place, request);
    case 'GetObject':
    case 'HeadObject':
    case 'GetObjectAttributes':
      return request.customerKey === undefined ? {} : { customerAlgorithm: 'AES256' };
    default:
      return request.operation !== 'ListBuckets' && statementAction(request) === 'write' ? 'unasked' : {};
  }
}

/** What statements call it: to set an object's ACL is a kind of putting an object to the vendors (`PutObject*`). */
function statementAction(request: Exclude<StorageRequest, { operation: 'ListBuckets' }>): Action {
  if (request.operation === 'PutObjectAcl') return 'write';
  if (request.operation !== 'Passthrough') return ACTION_OF[request.operation];
  return request.access === 'configure' && request.key !== undefined ? 'write' : request.access;
}

async function recorded(
  call: Call,
  place: Place,
  request: { readonly key: string; readonly uploadId: string },
): Promise<AskedEncryption | 'unasked'> {
  const { sealed } = place.backend;
  if (sealed === undefined) {
    const token = call.services.uploadTokens.read(place.storeBucket, request.key, request.uploadId);
    // Of a forged id, or a store's own, nothing is recorded: the operation itself refuses it.
    return token?.kind === 'issued' ? wordsOf(token.expected) : 'unasked';
  }
  try {
    const { encryption } = await sealed.upload(place.storeBucket, request.key, request.uploadId);
    return wordsOf(encryption);
  } catch (error) {
    // The operation itself says what there is to say of an upload that is gone.
    if (error instanceof GatewayError && error.code === 'NoSuchUpload') return 'unasked';
    throw error;
  }
}

function wordsOf(
  recordedAs: Expectation | { readonly kind: 'kms'; readonly key: string | undefined; readonly layers: 1 | 2 },
): AskedEncryption {
  switch (recordedAs.kind) {
    case 'unspecified':
    case 'none':
      return {};
    case 'customer':
      return { customerAlgorithm: 'AES256' };
    case 'managed':
      return { encryption: recordedAs.algorithm };
    case 'kms': {
      const { key, layers } = recordedAs;
      const method = layers === 2 ? 'kms:2' : 'kms';
      return { encryption: method, ...(key === undefined || key === 'default' ? {} : { kmsKeyId: key }) };
    }
  }
}

/** A condition may name the key by the policy's alias or by the store's id, with its address or without, whichever the client sends. */
function namesOf(call: Call, place: Place, id: string): readonly string[] {
  const { policy } = call.snapshot;
  const alias = policy.aliasOf(id, place.backend.name) ?? (policy.aliases.includes(id) ? id : undefined);
  const own = alias === undefined ? undefined : policy.keyAt(alias as never, place.backend.name);
  const { plain } = keysAt(place.backend);
  return [id, alias, own].filter((name) => name !== undefined).flatMap((name) => [name, plain(name)]);
}

function callerOf(call: Call): Pick<PolicySubject, 'accessKeyId' | 'secure'> {
  return { accessKeyId: call.client.principal.accessKeyId, secure: call.wire.connection.secure };
}

/** The statements of a bucket's stored policy, read where none are kept; `undefined`: it has no policy. */
export async function storedStatements(call: Call, place: Place): Promise<CompiledStatements | undefined> {
  return await call.services.storedPolicies.of(storeBucketOf(place), () => load(call, place));
}

async function load(call: Call, place: Place): Promise<CompiledStatements | undefined> {
  const document = await read(call, place);
  return document === undefined ? undefined : compileStatements(understand(document, place.backend.dialect));
}

async function read(call: Call, place: Place): Promise<string | undefined> {
  try {
    const { document } = await place.backend.execute(
      { operation: 'GetBucketPolicy', bucket: place.storeBucket },
      { requestId: call.context.requestId },
    );
    return document;
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

/**
 * A store across the network judges by itself what it can see; only statements about the client's own hop are enforced
 * for it. The embedded store keeps documents of every language: the one that understands it reads it.
 */
function understand(document: string, language: string | undefined): readonly BucketPolicyStatement[] {
  let failure: unknown;
  for (const dialect of Object.values(DIALECTS)) {
    if (language !== undefined && dialect.name !== language) continue;
    try {
      return dialect.parseBucketPolicy(document, { judgedAtStore: language !== undefined });
    } catch (error) {
      failure ??= error;
    }
  }
  throw new GatewayError(
    'ServiceUnavailable',
    'The policy that the bucket has at its store is not understood, so no request passes.',
    {
      cause: failure,
    },
  );
}

function isPolicyCall(operation: OperationName): boolean {
  return operation === 'GetBucketPolicy' || operation === 'PutBucketPolicy' || operation === 'DeleteBucketPolicy';
}
