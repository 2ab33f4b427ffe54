import { GatewayError } from '../../model/errors.ts';
import type { StorageRequest } from '../../model/operations.ts';
import { encodeComponent, encodePath } from '../../wire/percent-encoding.ts';
import type { StoreTarget, UnsignedRequest } from '../dialect.ts';
import { byBytes } from './canonical.ts';
import type { StoreCall } from './store-call.ts';
import { STORE_ENCODERS } from './store-operations.ts';

/** A request of the model as a call to an OSS store: virtual-hosted, whatever the endpoint (path style is refused by OSS). */
export function encodeRequest(request: StorageRequest, target: StoreTarget): UnsignedRequest {
  const encode = STORE_ENCODERS[request.operation] as ((request: StorageRequest) => StoreCall) | undefined;
  if (encode === undefined)
    throw new GatewayError('NotImplemented', `${request.operation} has no counterpart at Alibaba OSS.`);
  return wire(encode(request), target);
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
