import type { ObjectMetadata } from '../../model/objects.ts';
import type { StorageRequest } from '../../model/operations.ts';
import type { Call, Place } from '../call/call.ts';

type AnyCopy = StorageRequest<'CopyObject' | 'UploadPartCopy'>;

/** What the client's language refuses of this copy, now that the source's metadata is known. */
export function demandCopyable(call: Call, request: AnyCopy, sourceMetadata: ObjectMetadata): void {
  const refusal = call.dialect.copyRefusal?.(request, sourceMetadata);
  if (refusal !== undefined) throw refusal;
}

/** The same before a store copies by itself: the source is asked for, unless the store has the same rules. */
export async function demandCopyableAtStore(call: Call, from: Place, request: AnyCopy): Promise<void> {
  if (call.dialect.copyRefusal === undefined || from.sameDialect) return;
  const { metadata } = await from.backend.execute(
    {
      operation: 'HeadObject',
      ...request.source,
      bucket: from.storeBucket,
      conditions: {},
      checksumMode: false,
      overrides: {},
      ...(request.sourceCustomerKey === undefined ? {} : { customerKey: request.sourceCustomerKey }),
    },
    call.context,
  );
  demandCopyable(call, request, metadata);
}
