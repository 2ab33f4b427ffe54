import { ACTION_OF, type OperationName, type StorageRequest, type StorageResult } from '../model/operations.ts';
import { enter, type Call } from './call/call.ts';

/** Operations that change no object's bytes: authorised, routed, and done by the store. */
type Forwardable = {
  [N in Exclude<OperationName, 'Passthrough' | 'ListBuckets'>]: StorageRequest<N> extends { readonly bucket: string }
    ? N
    : never;
}[Exclude<OperationName, 'Passthrough' | 'ListBuckets'>];

export function forwarded<N extends Forwardable>(
  operation: N,
): (call: Call, request: StorageRequest<N>) => Promise<StorageResult<N>> {
  return async (call, request) => {
    const target: { readonly bucket: string; readonly key?: string } = request;
    const place = enter(call, ACTION_OF[operation], target.bucket, target.key);
    return await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context);
  };
}
