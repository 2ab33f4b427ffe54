import type { Dialect, StoreTarget, VerifiedRequest } from '../dialects/dialect.ts';
import { GatewayError } from '../model/errors.ts';
import type { OutgoingRequest } from '../wire/message.ts';

/** Re-signs a request outside the model for a store of the client's own dialect. */
export function createLane(
  dialect: Dialect,
  target: StoreTarget,
  now: () => number,
): (request: VerifiedRequest, storeBucket: string) => { readonly origin: string; readonly request: OutgoingRequest } {
  return (request, storeBucket) => {
    const unsigned = dialect.encodePassthrough?.(request, storeBucket, target);
    if (unsigned === undefined) throw new GatewayError('NotImplemented', 'This request cannot be passed on unchanged.');
    const signed = dialect.sign(unsigned, target, now());
    return {
      origin: target.endpoint,
      request: { ...signed, headers: [['host', signed.host], ...signed.headers.filter(([name]) => name !== 'host')] },
    };
  };
}
