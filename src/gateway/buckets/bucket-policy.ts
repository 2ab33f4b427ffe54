import type { BucketPolicyStatement } from '../../model/bucket-policy.ts';
import { GatewayError } from '../../model/errors.ts';
import type { StorageRequest } from '../../model/operations.ts';
import { enter, storeBucketOf, type Call } from '../call/call.ts';

/** Takes a policy only if every statement of it will be enforced here; else it is refused, never half-enforced. */
export async function putBucketPolicy(call: Call, request: StorageRequest<'PutBucketPolicy'>): Promise<object> {
  const place = enter(call, 'configure', request.bucket);
  for (const statement of call.dialect.parseBucketPolicy(request.document, { bucket: request.bucket }))
    demandEnforceable(call, statement);
  if (place.backend.dialect !== undefined && !place.sameDialect)
    throw new GatewayError(
      'NotImplemented',
      `A bucket policy in the language of ${call.dialect.name} cannot be kept by a store that speaks ${place.backend.dialect}.`,
    );
  // The document names the bucket, and would name another one there.
  if (place.backend.dialect !== undefined && place.storeBucket !== request.bucket)
    throw new GatewayError(
      'NotImplemented',
      `A bucket policy for ${request.bucket} cannot be kept by its store, where the bucket has another name.`,
    );
  const result = await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context);
  call.services.storedPolicies.forget(storeBucketOf(place));
  return result;
}

export async function deleteBucketPolicy(call: Call, request: StorageRequest<'DeleteBucketPolicy'>): Promise<object> {
  const place = enter(call, 'configure', request.bucket);
  const result = await place.backend.execute({ ...request, bucket: place.storeBucket }, call.context);
  call.services.storedPolicies.forget(storeBucketOf(place));
  return result;
}

function demandEnforceable(call: Call, { effect, principals }: BucketPolicyStatement): void {
  const refuse = (what: string): never => {
    throw new GatewayError('NotImplemented', `Bucket policies with ${what} are not implemented by the gateway.`);
  };
  if (effect === 'Allow') refuse('the effect Allow (rights are granted in its configuration)');
  const stranger = principals.find((name) => name !== '*' && !call.snapshot.clients.has(name));
  if (stranger !== undefined) refuse(`the principal ${stranger} (it is no client)`);
}
