import type { Dialect, StoreTarget, UnsignedRequest, VerifiedRequest } from '../dialects/dialect.ts';
import { GatewayError } from '../model/errors.ts';
import { readBounded } from '../wire/bounded.ts';
import type { OutgoingRequest } from '../wire/message.ts';
import { XML_LIMITS } from '../wire/xml-document.ts';

/** Signed and complete: `path` and `query` go on the wire byte for byte. */
export interface PassthroughTarget {
  readonly origin: string;
  readonly request: OutgoingRequest;
}

/** Re-signs a verified request for one store; only stores across the network have one. */
export type PassthroughSigner = (request: VerifiedRequest, storeBucket: string) => Promise<PassthroughTarget>;

/** Re-signs a request outside the model for a store of the client's own dialect. */
export function createPassthrough(dialect: Dialect, target: StoreTarget, now: () => number): PassthroughSigner {
  return async (request, storeBucket) => {
    const unsigned = dialect.encodePassthrough?.(request, storeBucket, target);
    if (unsigned === undefined) throw new GatewayError('NotImplemented', 'This request cannot be passed on unchanged.');
    const signed = dialect.sign(await withWholeDocument(unsigned), target, now());
    return {
      origin: target.endpoint,
      request: { ...signed, headers: [['host', signed.host], ...signed.headers.filter(([name]) => name !== 'host')] },
    };
  };
}

/** Sub-resources are small documents, and stores take them whole only: MinIO refuses signed chunks anywhere but for objects. */
async function withWholeDocument(unsigned: UnsignedRequest): Promise<UnsignedRequest> {
  if (unsigned.body === undefined || unsigned.body instanceof Uint8Array) return unsigned;
  const body = await readBounded(unsigned.body, XML_LIMITS.bytes);
  if (body === 'too-large')
    throw new GatewayError('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size');
  return { ...unsigned, body, bodyLength: body.length };
}
