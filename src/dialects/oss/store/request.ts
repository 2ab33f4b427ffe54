import { GatewayError } from '../../../model/errors.ts';
import type { StorageRequest } from '../../../model/operations.ts';
import { encodeComponent, encodePath } from '../../../wire/percent-encoding.ts';
import type { StoreTarget, UnsignedRequest, VerifiedRequest } from '../../dialect.ts';
import { byBytes, parametersOf } from '../signature/canonical-request.ts';
import type { StoreCall } from './call.ts';
import { STORE_ENCODERS } from './operations.ts';

/** A request of the model as a call to an OSS store: virtual-hosted, whatever the endpoint (path style is refused by OSS). */
export function encodeRequest(request: StorageRequest, target: StoreTarget): UnsignedRequest {
  const encode = STORE_ENCODERS[request.operation] as ((request: StorageRequest) => StoreCall) | undefined;
  if (encode === undefined)
    throw new GatewayError('NotImplemented', `${request.operation} has no counterpart at Alibaba OSS.`);
  return wire(encode(request), target);
}

/** The client's own signature stays behind. */
export const SIGNATURE_PARAMETERS: ReadonlySet<string> = new Set([
  'Expires',
  'OSSAccessKeyId',
  'Signature',
  'security-token',
  'x-oss-access-key-id',
  'x-oss-additional-headers',
  'x-oss-credential',
  'x-oss-date',
  'x-oss-expires',
  'x-oss-security-token',
  'x-oss-signature',
  'x-oss-signature-version',
]);
const PASSED_HEADERS: ReadonlySet<string> = new Set(['content-type']);

/** A bucket sub-resource for a store of the same language: the client's parameters without its signature, headers by allowlist. */
export function encodePassthrough(request: VerifiedRequest, storeBucket: string, target: StoreTarget): UnsignedRequest {
  const parameters = (parametersOf(request.wire.query) ?? []).filter(({ name }) => !SIGNATURE_PARAMETERS.has(name));
  const headers = request.wire.headers.filter(([name]) => PASSED_HEADERS.has(name));
  const { method } = request.wire;
  const call = {
    method,
    bucket: storeBucket,
    query: Object.fromEntries(parameters.map(({ name, value }) => [name, value])),
    headers,
  };
  return wire(method === 'GET' || method === 'DELETE' ? call : { ...call, body: request.body }, target);
}

function wire(call: StoreCall, target: StoreTarget): UnsignedRequest {
  const endpoint = target.endpoint.replace(/^https?:\/\//, '').replace(/\/+$/, '');
  const query = Object.entries(call.query ?? {})
    .sort(([a], [b]) => byBytes(a, b))
    .map(([name, value]) =>
      value === '' ? encodeComponent(name) : `${encodeComponent(name)}=${encodeComponent(value)}`,
    )
    .join('&');
  const { body } = call;
  const streamed = body === undefined || body instanceof Uint8Array ? undefined : body;
  const bodyLength = body instanceof Uint8Array ? body.length : streamed?.length;
  const headers: [string, string][] = (call.headers ?? []).map(([name, value]) => [name, value]);
  if (bodyLength !== undefined) headers.push(['content-length', String(bodyLength)]);
  else if (body === undefined && call.method !== 'GET' && call.method !== 'HEAD') headers.push(['content-length', '0']);
  if (streamed?.md5 !== undefined) headers.push(['content-md5', streamed.md5]);
  return {
    method: call.method,
    path: `/${call.key === undefined ? '' : encodePath(call.key)}`,
    query,
    headers,
    host: call.bucket === undefined ? endpoint : `${call.bucket}.${endpoint}`,
    bucket: call.bucket,
    key: call.key,
    body: streamed?.bytes ?? (body instanceof Uint8Array ? body : undefined),
    bodyLength,
  };
}
