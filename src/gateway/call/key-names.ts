import { GatewayError } from '../../model/errors.ts';
import { shapeOf, shapeOfPrefix, type KeyShape } from '../../model/key-shape.ts';
import { ACTION_OF, type Action, type StorageRequest } from '../../model/operations.ts';
import { authorise, locate, type Call, type Place } from './call.ts';

/**
 * What is decided on one name must not be done to another: a key (or a listing's prefix) that its store cannot keep apart
 * from another one is refused before a byte is read or written. Who may not touch it hears that instead.
 */
export async function demandDistinctNames(call: Call, request: StorageRequest): Promise<void> {
  for (const { action, bucket, key, shape } of namesIn(request)) {
    if (shape === 'plain') continue;
    authorise(call, action, bucket, key);
    await demandDistinctKey(call, locate(call, bucket), key, shape);
  }
}

/** The same for one key whose grant has been asked for. */
export async function demandDistinctKey(
  call: Call,
  place: Place,
  key: string,
  shape: KeyShape = shapeOf(key),
): Promise<void> {
  if (shape === 'plain' || (await keepsApart(call, place, shape))) return;
  throw new GatewayError(
    'InvalidObjectName',
    `The store of ${place.bucket} cannot keep this name apart from others (empty, "." or ".." segments of a path).`,
  );
}

async function keepsApart(
  call: Call,
  { backend, storeBucket }: Place,
  shape: Exclude<KeyShape, 'plain'>,
): Promise<boolean> {
  const { keys } = backend.capabilities;
  if (keys === 'exact') return true;
  // Names of folders are kept by most stores that fold others, so those are asked about whatever is declared.
  if (keys === 'folded' && shape === 'path') return false;
  return (await backend.keepsApart?.(shape, storeBucket, call.context)) ?? shape === 'directory';
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
