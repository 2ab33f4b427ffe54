import { GatewayError } from '../model/errors.ts';
import type { StorageRequest, StorageResult } from '../model/operations.ts';
import { attest } from './attest.ts';
import { enter, type Call, type Place } from './call.ts';
import { contentFor, unsealed } from './content.ts';
import { protectWrite } from './protect-write.ts';
import { sealAppend } from './protect/seal-write.ts';
import { shown, shownIn, withoutEncryption } from './shown.ts';

type Append = StorageRequest<'AppendObject'>;
type AppendResult = StorageResult<'AppendObject'>;

/** The first append decides the encryption; later ones only follow it, whatever their headers say. */
export async function appendObject(call: Call, request: Append): Promise<AppendResult> {
  const place = enter(call, 'write', request.bucket, request.key);
  if (!place.backend.capabilities.append)
    throw new GatewayError('NotImplemented', `The store of ${request.bucket} cannot append to objects.`);
  const existing = await place.backend.sealed?.appendable(place.storeBucket, request.key);
  if (existing === undefined) return await firstAppend(call, place, request);
  if (request.position !== existing.size || !existing.appendable)
    return await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context);
  await using content =
    existing.record === undefined
      ? await unsealed(call, place, request.body)
      : {
          content: await sealAppend({
            record: existing.record,
            body: request.body,
            bucket: place.storeBucket,
            binding: { key: request.key, metadata: existing.metadata ?? request.metadata },
            customerKey: undefined,
            keyring: call.snapshot.keyring,
            randomBytes: call.services.randomBytes,
          }),
          [Symbol.asyncDispose]: () => Promise.resolve(),
        };
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

async function firstAppend(call: Call, place: Place, request: Append): Promise<AppendResult> {
  const protection = await protectWrite(call, place, request);
  await using content = await contentFor(call, place, protection, request);
  const result = await place.backend.execute(
    {
      ...request,
      bucket: place.storeBucket,
      content: content.content,
      ...(protection.encryption === undefined ? {} : { encryption: protection.encryption }),
    },
    call.context,
  );
  const observed = await attest(call, place, {
    operation: 'AppendObject',
    key: request.key,
    expected: protection.expected,
    etag: result.etag,
    observed: result.encryption,
  });
  return { ...withoutEncryption(result), nextPosition: result.nextPosition, ...shownIn(call, place, observed) };
}
