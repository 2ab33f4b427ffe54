import type { OutgoingRequest } from '../wire/message.ts';
import { GatewayError } from '../model/errors.ts';
import type { StorageRequest } from '../model/operations.ts';
import type { VerifiedRequest } from '../dialects/dialect.ts';
import { enter, type Call } from './call.ts';

/** A request that the passthrough plug-in streams to a store as it is, re-signed. */
export interface Lane {
  readonly lane: LaneTarget;
  readonly store: string;
}

/** Signed and complete: `path` and `query` go on the wire byte for byte. */
export interface LaneTarget {
  readonly origin: string;
  readonly request: OutgoingRequest;
}

/** Re-signs a verified request for one store; only stores across the network have one. */
export type LaneSigner = (request: VerifiedRequest, storeBucket: string) => Promise<LaneTarget>;

/** Verified, authorised and transport-checked like any request; between like dialects and like bucket names only. */
export async function openLane(call: Call, request: StorageRequest<'Passthrough'>): Promise<Lane> {
  const place = enter(call, request.access, request.bucket, request.key);
  const refuse = (why: string): never => {
    throw new GatewayError(
      'NotImplemented',
      `${request.subresource} is not available for the bucket ${request.bucket}: ${why}.`,
    );
  };
  const sign = call.snapshot.lanes.get(place.backend.name);
  if (sign === undefined) return refuse('its store is embedded in the gateway');
  if (!place.sameDialect) return refuse(`its store speaks ${place.backend.dialect ?? 'no dialect'}`);
  if (place.storeBucket !== request.bucket) return refuse('its name at the store differs');
  return { store: place.backend.name, lane: await sign(call.verified, place.storeBucket) };
}
