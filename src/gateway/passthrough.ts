import type { PassthroughTarget } from '../backends/passthrough.ts';
import { GatewayError } from '../model/errors.ts';
import type { StorageRequest } from '../model/operations.ts';
import type { VerifiedRequest } from '../dialects/dialect.ts';
import { enter, type Call } from './call/call.ts';
import { demandReach } from './decide/reach.ts';

/** A request that the passthrough plug-in streams to a store as it is, re-signed. */
export interface Passthrough {
  readonly passthrough: PassthroughTarget;
  readonly store: string;
}

/** Verified, authorised and transport-checked like any request; between like dialects and like bucket names only. */
export async function openPassthrough(call: Call, request: StorageRequest<'Passthrough'>): Promise<Passthrough> {
  const place = enter(call, request.access, request.bucket, request.key);
  const refuse = (why: string): never => {
    // Clients repeat a 501 for long; that an ACL is not to be had is final.
    throw new GatewayError(
      request.demands?.includes('public-acl') === true ? 'AccessControlListNotSupported' : 'NotImplemented',
      `${request.subresource} is not available for the bucket ${request.bucket}: ${why}.`,
    );
  };
  const sign = call.snapshot.passthroughs.get(place.backend.name);
  if (sign === undefined) return refuse('its store is embedded in the gateway');
  if (!place.sameDialect) return refuse(`its store speaks ${place.backend.dialect ?? 'no dialect'}`);
  if (place.storeBucket !== request.bucket) return refuse('its name at the store differs');
  demandReach(call, place, request);
  return { store: place.backend.name, passthrough: await sign(whatWasJudged(call, request), place.storeBucket) };
}

/** The body was read to be judged: exactly those bytes go on. */
function whatWasJudged({ verified }: Call, { document }: StorageRequest<'Passthrough'>): VerifiedRequest {
  return document === undefined
    ? verified
    : { ...verified, body: { ...verified.body, bytes: whole(document), length: document.length } };
}

async function* whole(document: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(document);
}
