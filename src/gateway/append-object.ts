import type { ObservedEncryption, WireKeyId } from '../model/encryption.ts';
import { GatewayError } from '../model/errors.ts';
import type { Wish } from '../model/objects.ts';
import type { StorageRequest, StorageResult } from '../model/operations.ts';
import { describe, honours } from './attest.ts';
import { enter, type Call, type Place } from './call.ts';
import { prepared, unsealed } from './content.ts';
import { protectWrite, type Protection } from './protect-write.ts';
import { sealAppend } from './protect/seal-write.ts';
import { shown, withoutEncryption } from './shown.ts';
import { writeObject } from './write-object.ts';

type Append = StorageRequest<'AppendObject'>;
type AppendResult = StorageResult<'AppendObject'>;

/** The first append decides the encryption; later ones only follow it, whatever their headers say. */
export async function appendObject(call: Call, request: Append): Promise<AppendResult> {
  const place = enter(call, 'write', request.bucket, request.key);
  if (!place.backend.capabilities.append)
    throw new GatewayError('NotImplemented', `The store of ${request.bucket} cannot append to objects.`);
  const existing = await place.backend.sealed?.appendable(place.storeBucket, request.key);
  if (existing === undefined)
    return request.position > 0 && place.backend.sealed === undefined
      ? await laterAppendAtStore(call, place, request)
      : await firstAppend(call, place, request);
  if (request.position !== existing.size || !existing.appendable)
    return await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context);
  // A rule of the bucket's own is for what begins under it, as at OSS; the policy's is for all that is written.
  if (existing.record === undefined && !call.snapshot.policy.delegates(place.bucket, request.key, call.services.now()))
    await protectFollowing(call, place, request, existing.encryption);
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
  return {
    ...withoutEncryption(result),
    nextPosition: result.nextPosition,
    encryption: shown(call, place, existing.encryption),
  };
}

/** A store appends under what the first append decided, whatever the headers say. */
async function laterAppendAtStore(call: Call, place: Place, request: Append): Promise<AppendResult> {
  const { encryption: begun } = await place.backend.execute(
    {
      operation: 'HeadObject',
      bucket: place.storeBucket,
      key: request.key,
      conditions: {},
      checksumMode: false,
      overrides: {},
    },
    call.context,
  );
  return await writeObject(call, place, await protectFollowing(call, place, request, begun), request);
}

/**
 * What an object was begun with must be something that the policy would decide today too, else one begun in clear text
 * would take up what must be encrypted.
 */
async function protectFollowing(
  call: Call,
  place: Place,
  request: Append,
  begun: ObservedEncryption,
): Promise<Protection> {
  const protection = await protectWrite(call, place, { ...request, wish: wishOf(begun) });
  if (!honours(protection.expected, begun))
    throw new GatewayError(
      'AccessDenied',
      `The object is encrypted with ${describe(begun)}, and the policy demands ${describe(protection.expected)}: an append cannot change it.`,
    );
  return protection;
}

/** What an object is encrypted with, as a client's own wish would say it. */
function wishOf(observed: ObservedEncryption): Wish {
  const raw = describe(observed);
  if (observed.kind === 'managed') return { state: 'wellFormed', encryption: observed, raw };
  if (observed.kind !== 'kms') return { state: 'absent' };
  const key = (observed.key ?? 'default') as string as WireKeyId;
  return { state: 'wellFormed', encryption: { ...observed, key }, raw };
}

async function firstAppend(call: Call, place: Place, request: Append): Promise<AppendResult> {
  return await writeObject(call, place, await protectWrite(call, place, request), request);
}
