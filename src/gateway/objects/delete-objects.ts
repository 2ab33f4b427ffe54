import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { GatewayError } from '../../model/errors.ts';
import { survivesXml } from '../../wire/xml-document.ts';
import { authorise, enter, locate, type Call, type Place } from '../call/call.ts';
import { demandDistinctKey } from '../decide/key-names.ts';
import { shapeOf } from '../../model/key-shape.ts';

type Deletes = StorageRequest<'DeleteObjects'>;
type Entry = Deletes['objects'][number];
type Deleted = StorageResult<'DeleteObjects'>;
type KeyError = Deleted['errors'][number];

/** Each key is authorised on its own: prefixes of a grant apply, and a refusal is that key's error, not the batch's. */
export async function deleteObjects(call: Call, request: Deletes): Promise<Deleted> {
  if (request.objects.length === 0) enter(call, 'delete', request.bucket);
  const place = locate(call, request.bucket);
  const refused: { readonly key: string; readonly error: GatewayError }[] = [];
  const allowed: Entry[] = [];
  for (const entry of request.objects) {
    const error = await refusalOf(call, place, entry.key);
    if (error === undefined) allowed.push(entry);
    else refused.push({ key: entry.key, error });
  }
  const [first] = refused;
  const nothingGranted = allowed.length === 0 && refused.every(({ error }) => isDenied(error));
  // A language without per-key errors must not report a batch as done that was not: nothing is deleted then.
  if (first !== undefined && (nothingGranted || !call.dialect.traits.perKeyErrors)) throw first.error;
  const result = await deleteAt(call, place, request, allowed);
  const errors = [...result.errors, ...refused.map(({ key, error }) => keyError(key, error))];
  return { deleted: request.quiet ? [] : result.deleted, errors };
}

async function refusalOf(call: Call, place: Place, key: string): Promise<GatewayError | undefined> {
  try {
    authorise(call, 'delete', place.bucket, key);
    // NUL ends strings in the C code of stores: two keys would become one. In a URL it is refused before.
    if (key.includes('\0')) throw new GatewayError('InvalidObjectName', 'A key cannot hold a NUL character.');
    await demandDistinctKey(call, place, { action: 'delete', key, shape: shapeOf(key) });
    return undefined;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (isDenied(error)) return new GatewayError('AccessDenied', 'Access Denied');
    if (error.code === 'InvalidObjectName') return error;
    throw error;
  }
}

/** In one call what the store's document can hold; what its parser would refuse or change goes one by one. */
async function deleteAt(call: Call, place: Place, request: Deletes, entries: readonly Entry[]): Promise<Deleted> {
  const embedded = place.backend.dialect === undefined;
  const fits = (entry: Entry): boolean => embedded || (survivesXml(entry.key) && survivesXml(entry.versionId ?? ''));
  const together = entries.filter(fits);
  const none: Deleted = { deleted: [], errors: [] };
  const result =
    together.length === 0
      ? none
      : await place.backend.execute(
          { ...request, bucket: place.storeBucket, objects: together, quiet: false },
          call.context,
        );
  const alone = entries.filter((entry) => !fits(entry));
  const singly = await inTurns(alone, async (entry) => await deleteAlone(call, place, entry));
  return {
    deleted: [...result.deleted, ...singly.flatMap(({ deleted }) => deleted)],
    errors: [...result.errors, ...singly.flatMap(({ errors }) => errors)],
  };
}

async function deleteAlone(call: Call, place: Place, entry: Entry): Promise<Deleted> {
  try {
    const { deleteMarker, versionId } = await place.backend.execute(
      { operation: 'DeleteObject', bucket: place.storeBucket, ...entry },
      call.context,
    );
    const marker =
      deleteMarker === true ? { deleteMarker, ...(versionId === undefined ? {} : { markerVersionId: versionId }) } : {};
    return { deleted: [{ ...entry, ...marker }], errors: [] };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { deleted: [], errors: [keyError(entry.key, error)] };
  }
}

/** Requests at the store at a time, for keys that go one by one. */
const AT_ONCE = 8;

async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const done: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE)
    done.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(work))));
  return done;
}

function keyError(key: string, { code, message }: GatewayError): KeyError {
  return { key, code, message };
}

function isDenied(error: GatewayError): boolean {
  return error.code === 'AccessDenied';
}
