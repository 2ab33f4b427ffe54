import type { ByteStream } from '../../model/body.ts';
import { GatewayError } from '../../model/errors.ts';
import type { StorageRequest } from '../../model/operations.ts';
import { headerOf } from '../../wire/message.ts';
import type { WireRequest } from '../../wire/message.ts';

/** The largest object or part that one request brings, at S3 and at OSS: 5 GiB. */
const MAX_CONTENT = 5 * 1024 ** 3;

/**
 * A write whose content has an end and a size that vendors take, judged before a byte is read. A request without
 * Content-Length and Transfer-Encoding has no content (RFC 9112 6.3): a body that was lost on the way would be stored as empty.
 */
export function framed(wire: WireRequest, request: StorageRequest): StorageRequest {
  if (!('body' in request)) return request;
  if (
    headerOf(wire.headers, 'content-length') === undefined &&
    headerOf(wire.headers, 'transfer-encoding') === undefined
  )
    throw new GatewayError('MissingContentLength', 'You must provide the Content-Length HTTP header.');
  const { body } = request;
  if (body.length === undefined) return { ...request, body: { ...body, bytes: atMost(body.bytes) } };
  if (body.length > MAX_CONTENT) throw tooLarge({ ProposedSize: body.length });
  return request;
}

/** Content that comes in chunks until it ends shows its size only on the way. */
async function* atMost(source: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  let seen = 0;
  for await (const chunk of source) {
    seen += chunk.length;
    if (seen > MAX_CONTENT) throw tooLarge({});
    yield chunk;
  }
}

function tooLarge(details: { readonly ProposedSize?: number }): GatewayError {
  return new GatewayError('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
    details: { ...details, MaxSizeAllowed: MAX_CONTENT },
  });
}
