import { GatewayError } from '../../model/errors.ts';
import type { AppendState } from '../../model/backend.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { enter, type Call, type Place } from '../call/call.ts';
import { demandContinuation } from '../decide/continuation.ts';
import { prepared, unsealed } from '../protect/content.ts';
import { guardOf, guardOfSeal, mayKnowDigests, withoutDigests } from '../answer/digest-rights.ts';
import { judgeBegin } from '../decide/judge-begin.ts';
import { assertBelieved, protectWrite } from '../decide/decide-write.ts';
import { sealAppend } from '../protect/seal-write.ts';
import { begunAs } from '../decide/repeated-wish.ts';
import { shown, withoutEncryption } from '../answer/shown.ts';
import { writeObject } from './write-object.ts';

type Append = StorageRequest<'AppendObject'>;
type AppendResult = StorageResult<'AppendObject'>;

/** The first append decides the encryption; later ones only follow it, whatever their headers say. */
export async function appendObject(call: Call, request: Append): Promise<AppendResult> {
  const place = enter(call, 'write', request.bucket, request.key);
  if (!place.backend.capabilities.append)
    throw new GatewayError('NotImplemented', `The store of ${request.bucket} cannot append to objects.`);
  await judgeBegin(call, place, request);
  if (place.backend.sealed === undefined) return await appendAtStore(call, place, request);
  const existing = await place.backend.sealed.appendable(place.storeBucket, request.key);
  if (existing === undefined) return await firstAppend(call, place, request);
  // The store says what is wrong, and takes nothing.
  if (!existing.appendable) return await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context);
  return await laterAppend(call, place, request, existing);
}

async function laterAppend(call: Call, place: Place, request: Append, existing: AppendState): Promise<AppendResult> {
  const { operation, key } = request;
  const { encryption, underBucketRule } = existing;
  await demandContinuation(call, place, { operation, key, begun: { encryption, underBucketRule } });
  if (request.position !== existing.size)
    return await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context);
  await using content =
    existing.record === undefined
      ? await unsealed(call, place, request.body)
      : prepared(
          await sealAppend({
            record: existing.record,
            body: request.body,
            bucket: place.storeBucket,
            binding: { key: request.key, metadata: existing.metadata ?? request.metadata },
            customerKey: undefined,
            keyring: call.snapshot.keyring,
            randomBytes: call.services.randomBytes,
          }),
        );
  const result = await place.backend.execute(
    { ...request, bucket: place.storeBucket, content: content.content },
    call.context,
  );
  const guard = existing.record === undefined ? guardOf(place, existing.encryption) : guardOfSeal(existing.record);
  // The CRC64 is the whole object's: with that of one's own bytes it tells that of the bytes before.
  const knows = mayKnowDigests(call, place, { key: request.key, guard, customerKey: undefined });
  return {
    ...withoutEncryption(knows ? result : withoutDigests(result)),
    nextPosition: result.nextPosition,
    encryption: shown(call, place, encryption),
  };
}

/**
 * A store appends under what the first append decided, whatever the headers say: it is asked what that was, at position
 * 0 too, since an object may have been begun with nothing in it.
 */
async function appendAtStore(call: Call, place: Place, request: Append): Promise<AppendResult> {
  const { operation, key } = request;
  const begun = await beginningAt(call, place, key);
  if (begun === undefined) return await firstAppend(call, place, request);
  const decision = await demandContinuation(call, place, { operation, key, begun: { encryption: begun } });
  assertBelieved(call, place, operation, begun.kind);
  const { expected } = begunAs({ encryption: begun, seal: undefined });
  const protection = { decision, seal: undefined, encryption: undefined, expected, begunElsewhere: true };
  const result = await writeObject(call, place, protection, request);
  const question = { key, guard: guardOf(place, begun), customerKey: undefined };
  return mayKnowDigests(call, place, question)
    ? result
    : { ...withoutDigests(result), nextPosition: result.nextPosition };
}

/** What an appendable object was begun with; undefined where there is none: the store then says what else is there. */
async function beginningAt(call: Call, place: Place, key: string): Promise<AppendState['encryption'] | undefined> {
  try {
    const { encryption, type } = await place.backend.execute(
      { operation: 'HeadObject', bucket: place.storeBucket, key, conditions: {}, checksumMode: false, overrides: {} },
      call.context,
    );
    return type === undefined || type === 'Appendable' ? encryption : undefined;
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'NoSuchKey') return undefined;
    throw error;
  }
}

async function firstAppend(call: Call, place: Place, request: Append): Promise<AppendResult> {
  const protection = await protectWrite(call, place, request);
  const underBucketRule = protection.decision.underBucketRule === true;
  return await writeObject(call, place, protection, { ...request, underBucketRule });
}
