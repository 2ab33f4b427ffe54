import type { GatewayError } from '../../model/errors.ts';
import { encodeComponent } from '../../wire/percent-encoding.ts';
import type { StoreTarget, UnsignedRequest, VerifiedRequest } from '../dialect.ts';
import { familyFields, notSupported } from './encryption-family.ts';
import { operationOf } from './operations.ts';
import { fieldsOf } from './parameters.ts';
import { place } from './store-address.ts';

/** The sub-resource of a request that may cross unchanged between two S3 speakers; undefined for what the model covers. */
export function passthrough(
  request: VerifiedRequest,
): { readonly subresource: string; readonly access: 'read' | 'configure' } | undefined {
  const recognised = operationOf({
    ...request.wire,
    headers: fieldsOf(request).headers,
    bucket: request.bucket,
    key: request.key,
  });
  return recognised.operation === 'Passthrough'
    ? { subresource: recognised.subresource, access: recognised.access }
    : undefined;
}

/** Refuses a passthrough that carries anything of the encryption family: nobody would attest it. */
export function passthroughRefusal(request: VerifiedRequest): GatewayError | undefined {
  const [field] = familyFields(request.wire);
  return field === undefined ? undefined : notSupported(field);
}

/** The request for the store: headers and query by allowlist, body as it was verified. */
export function encodePassthrough(request: VerifiedRequest, storeBucket: string, target: StoreTarget): UnsignedRequest {
  const headers = request.wire.headers.filter(([name]) => CROSSING.test(name));
  const query = request.wire.query
    .filter(({ name }) => !/^(x-amz-.*|x-id|awsaccesskeyid|signature|expires)$/i.test(name))
    .map(({ name, value }) =>
      value === undefined ? encodeComponent(name) : `${encodeComponent(name)}=${encodeComponent(value)}`,
    )
    .join('&');
  const empty = request.body.length === 0 || request.wire.method === 'GET';
  return {
    method: request.wire.method,
    ...place(target, storeBucket, request.key),
    query,
    headers,
    body: empty ? undefined : request.body.bytes,
    bodyLength: empty ? 0 : request.body.length,
  };
}

/** What a sub-resource's own semantics need; signatures, tokens and hop-by-hop headers never cross. */
const CROSSING =
  /^(content-type|content-md5|x-amz-acl|x-amz-grant-[a-z-]+|x-amz-checksum-[a-z0-9]+|x-amz-sdk-checksum-algorithm|x-amz-bucket-object-lock-token|x-amz-transition-default-minimum-object-size|x-amz-skip-destination-validation|x-amz-confirm-remove-self-bucket-access|x-amz-mfa)$/;
