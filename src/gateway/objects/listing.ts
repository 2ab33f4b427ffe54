import type { ListedObject } from '../../model/objects.ts';
import type { OperationName, StorageRequest, StorageResult } from '../../model/operations.ts';
import { enter, HIDDEN_PREFIX, type Call } from '../call/call.ts';

type Listing = Extract<OperationName, 'ListObjects' | 'ListObjectsV2' | 'ListObjectVersions'>;

/** Lists one page. A grant on a prefix lists under that prefix only; the gateway's own keys are never shown. */
export function listing<N extends Listing>(
  _operation: N,
): (call: Call, request: StorageRequest<N>) => Promise<StorageResult<N>> {
  return async (call, request) => {
    const page: { readonly bucket: string; readonly prefix: string } = request;
    const place = enter(call, 'list', page.bucket, page.prefix);
    const result = await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context);
    if (place.backend.capabilities.seals) return result;
    const shownObjects = (objects: readonly ListedObject[]): readonly ListedObject[] =>
      objects.filter(({ key }) => !key.startsWith(HIDDEN_PREFIX));
    const objects = shownObjects(result.objects);
    const commonPrefixes = result.commonPrefixes.filter((prefix) => !prefix.startsWith(HIDDEN_PREFIX));
    const keyCount = objects.length + commonPrefixes.length;
    return { ...result, objects, commonPrefixes, ...('keyCount' in result ? { keyCount } : {}) };
  };
}
