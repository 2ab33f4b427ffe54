import type { GatewayError } from '../../../model/errors.ts';
import { encodeComponent } from '../../../wire/percent-encoding.ts';
import type { StoreTarget, UnsignedRequest, VerifiedRequest } from '../../dialect.ts';
import { familyFields, notSupported } from '../words/encryption-family.ts';
import { operationOf } from '../operations.ts';
import { fieldsOf } from './parameters.ts';
import { place } from '../store/address.ts';

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

/** A parameter that the sub-resource does not take, or one given twice: what one layer ignores, the next may obey. */
export function parameterBeside(request: VerifiedRequest, subresource: string): string | undefined {
  const own = [subresource, ...(PARAMETERS[subresource] ?? [])];
  const names = request.wire.query.map(({ name }) => name).filter((name) => !STAYS_BEHIND.test(name));
  return names.find((name, at) => !own.includes(name) || names.indexOf(name) !== at);
}

/** The request for the store: headers and query by allowlist, body as it was verified. */
export function encodePassthrough(request: VerifiedRequest, storeBucket: string, target: StoreTarget): UnsignedRequest {
  const acl = passthrough(request)?.subresource === 'acl';
  const headers = fieldsOf(request).headers.filter(([name]) => CROSSING.test(name) || (acl && ACL.test(name)));
  const query = request.wire.query
    .filter(({ name }) => !STAYS_BEHIND.test(name))
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

/** The client's signature, what stands for headers, and the SDKs' own name of the operation. */
const STAYS_BEHIND = /^(x-amz-.*|x-id|awsaccesskeyid|signature|expires)$/i;
/** Parameters of sub-resources (S3 API model). */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  acl: ['versionId'],
  analytics: ['id', 'continuation-token'],
  'intelligent-tiering': ['id', 'continuation-token'],
  inventory: ['id', 'continuation-token'],
  metrics: ['id', 'continuation-token'],
};
const ACL = /^(x-amz-acl|x-amz-grant-[a-z-]+)$/;
/** What a sub-resource's own semantics need; signatures, tokens and hop-by-hop headers never cross. */
const CROSSING =
  /^(content-type|content-md5|x-amz-checksum-[a-z0-9]+|x-amz-sdk-checksum-algorithm|x-amz-bucket-object-lock-token|x-amz-transition-default-minimum-object-size|x-amz-skip-destination-validation|x-amz-confirm-remove-self-bucket-access|x-amz-mfa)$/;
