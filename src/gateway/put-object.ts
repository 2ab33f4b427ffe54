import type { StorageRequest, StorageResult } from '../model/operations.ts';
import { attest } from './attest.ts';
import { enter, type Call } from './call.ts';
import { contentFor } from './content.ts';
import { protectWrite } from './protect-write.ts';
import { shownIn, withoutEncryption } from './shown.ts';

/** Decide, protect, stream, attest. */
export async function putObject(call: Call, request: StorageRequest<'PutObject'>): Promise<StorageResult<'PutObject'>> {
  const place = enter(call, 'write', request.bucket, request.key);
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
    operation: 'PutObject',
    key: request.key,
    expected: protection.expected,
    etag: result.etag,
    versionId: result.versionId,
    observed: result.encryption,
    customerKey: protection.encryption?.kind === 'customer' ? protection.encryption.key : undefined,
  });
  const { digests } = content.content.finish();
  return {
    ...withoutEncryption(result),
    ...shownIn(call, place, observed),
    ...(call.dialect.traits.crc64 ? { crc64: result.crc64 ?? digests.crc64 } : {}),
  };
}
