import type { ChecksumAlgorithm } from '../../model/body.ts';
import type { Encryption, ObservedEncryption, StoreKeyId } from '../../model/encryption.ts';
import type { StorageRequest, StorageResult } from '../../model/operations.ts';
import { attest } from '../answer/attest.ts';
import type { Call, Place } from '../call/call.ts';
import { contentFor } from '../protect/content.ts';
import type { Protection } from '../decide/decide-write.ts';
import { shownIn, withContext, withoutEncryption } from '../answer/shown.ts';

type Write = 'PutObject' | 'AppendObject';

/** Streams an object as it was decided, attests the store's answer, and words it for the client. */
export async function writeObject<N extends Write>(
  call: Call,
  place: Place,
  protection: Protection,
  request: StorageRequest<N>,
  checksum?: ChecksumAlgorithm,
): Promise<StorageResult<N>> {
  const write = request as StorageRequest<Write>;
  await using content = await contentFor(call, place, protection, write, checksum);
  const sent = { ...request, bucket: place.storeBucket, content: content.content, ...encryptionOf(protection) };
  const result: StorageResult<Write> = await place.backend.execute(sent, call.context);
  const encryption = await attested(call, place, protection, write, result);
  const { crc64 } = content.content.finish().digests;
  const answer: StorageResult<Write> = {
    ...withoutEncryption(result),
    ...encryption,
    // What was appended is not the whole object that this checksum is of.
    ...(result.crc64 === undefined && crc64 !== '' && !isContinued(write) ? { crc64 } : {}),
  };
  return answer;
}

function isContinued(write: StorageRequest<Write>): boolean {
  return write.operation === 'AppendObject' && write.position > 0;
}

/** What goes into a request beside its own fields: the decided encryption, where the store is told one. */
export function encryptionOf({ encryption }: Protection): { readonly encryption?: Encryption<StoreKeyId> } {
  return encryption === undefined ? {} : { encryption };
}

/** The encryption that the store confirmed for a write that was decided, as the client may see it. */
export async function attested(
  call: Call,
  place: Place,
  protection: Protection,
  request: { readonly operation: Write | 'CopyObject'; readonly key: string },
  result: { readonly etag: string; readonly versionId?: string; readonly encryption?: ObservedEncryption },
): Promise<{ readonly encryption?: ObservedEncryption }> {
  const observed = await attest(call, place, {
    operation: request.operation,
    key: request.key,
    expected: protection.expected,
    etag: result.etag,
    versionId: result.versionId,
    observed: result.encryption,
    customerKey: protection.encryption?.kind === 'customer' ? protection.encryption.key : undefined,
    begunElsewhere: protection.begunElsewhere === true,
  });
  return shownIn(call, place, withContext(observed, protection));
}
