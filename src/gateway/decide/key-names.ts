import { GatewayError } from '../../model/errors.ts';
import { shapeOf, shapeOfPrefix, type KeyShape } from '../../model/key-shape.ts';
import { ACTION_OF, type Action, type StorageRequest } from '../../model/operations.ts';
import { authorise, locate, type Call, type Place } from '../call/call.ts';
import { storedStatements } from './enforce-stored-policy.ts';

/**
 * What is decided on one name must not be done to another: a key (or a listing's prefix) that its store cannot keep apart
 * from another one is refused before a byte is read or written. Who may not touch it hears that instead.
 */
export async function demandDistinctNames(call: Call, request: StorageRequest): Promise<void> {
  for (const { action, bucket, key, shape } of namesIn(request)) {
    if (shape === 'plain') continue;
    authorise(call, action, bucket, key);
    await demandDistinctKey(call, locate(call, bucket), { action, key, shape });
  }
}

/** A key whose grant has been asked for. */
interface Granted {
  readonly action: Action;
  readonly key: string;
  readonly shape: KeyShape;
}

/** The same for one key whose grant has been asked for. */
export async function demandDistinctKey(call: Call, place: Place, granted: Granted): Promise<void> {
  if (granted.shape === 'plain' || (await keepsApart(call, place, granted))) return;
  throw new GatewayError(
    'InvalidObjectName',
    `The store of ${place.bucket} cannot keep this name apart from others (empty, "." or ".." segments of a path).`,
  );
}

async function keepsApart(call: Call, place: Place, granted: Granted): Promise<boolean> {
  const { backend, storeBucket } = place;
  const { keys } = backend.capabilities;
  const { shape } = granted;
  if (shape === 'plain' || keys === 'exact') return true;
  // Names of folders are kept by most stores that fold others, so those are asked about whatever is declared.
  if (keys === 'folded' && shape === 'path') return false;
  const known = await backend.keepsApart?.(shape, storeBucket, call.context);
  return known ?? (shape === 'directory' && (await isNoMatter(call, place, granted)));
}

/**
 * Of a folder's name all that a store can make is the same without its last slash. Where that is for the same client under
 * the same rule, nothing was decided on one name that the other would escape.
 */
async function isNoMatter(call: Call, place: Place, { action, key }: Granted): Promise<boolean> {
  const { policy } = call.snapshot;
  const plain = key.slice(0, -1);
  if (!policy.sameRule(place.bucket, key, plain)) return false;
  const { secure, tlsVersion } = call.wire.connection;
  const { principal } = call.client;
  const access = policy.access({ principal, action, bucket: place.bucket, key: plain, secure, tlsVersion });
  if (access.effect === 'deny') return false;
  const statements = await storedStatements(call, place);
  return statements === undefined || statements.empty;
}

interface Name {
  readonly action: Action;
  readonly bucket: string;
  readonly key: string;
  readonly shape: KeyShape;
}

/** The keys of a DeleteObjects are looked at one by one, where each gets an answer of its own. */
function namesIn(request: StorageRequest): readonly Name[] {
  if (request.operation === 'ListBuckets') return [];
  const action = request.operation === 'Passthrough' ? request.access : ACTION_OF[request.operation];
  const { bucket } = request;
  const names: Name[] = [];
  if ('key' in request) names.push({ action, bucket, key: request.key, shape: shapeOf(request.key) });
  if ('prefix' in request) names.push({ action, bucket, key: request.prefix, shape: shapeOfPrefix(request.prefix) });
  if ('source' in request) {
    const { source } = request;
    names.push({ action: 'read', bucket: source.bucket, key: source.key, shape: shapeOf(source.key) });
  }
  return names;
}
