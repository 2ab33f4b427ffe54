import type { UploadState } from '../../model/backend.ts';
import { GatewayError } from '../../model/errors.ts';
import type { OperationName } from '../../model/operations.ts';
import type { Begun } from '../../policy/continuation.ts';
import type { Call, Place } from '../call/call.ts';
import { demandContinuation, demandYoung, noSuchUpload } from '../decide/continuation.ts';
import type { UploadName } from '../memory/known-uploads.ts';
import type { UploadClaim, UploadToken } from '../memory/upload-token.ts';
import type { Expectation } from '../expectation.ts';

/** An upload under way that this client may continue today: what its id says, or what the embedded store remembers. */
export type UploadUnderWay =
  { readonly kind: 'remote'; readonly claim: UploadClaim } | { readonly kind: 'sealed'; readonly state: UploadState };

interface Continuing {
  readonly operation: OperationName;
  readonly key: string;
  readonly uploadId: string;
}

/** The beginning of every call that continues an upload: it is there, it is not too old, and the policy lets it go on. */
export async function continueUpload(call: Call, place: Place, request: Continuing): Promise<UploadUnderWay> {
  const { sealed } = place.backend;
  if (sealed === undefined) return { kind: 'remote', claim: await continueAtStore(call, place, request) };
  const state = await sealed.upload(place.storeBucket, request.key, request.uploadId);
  await demandSealedGoesOn(call, place, request, state);
  return { kind: 'sealed', state };
}

/** The same for what the embedded store remembers of an upload. */
export async function demandSealedGoesOn(
  call: Call,
  place: Place,
  { operation, key }: Continuing,
  { initiated, encryption, underBucketRule }: UploadState,
): Promise<void> {
  demandYoung(call, initiated);
  await demandContinuation(call, place, { operation, key, begun: { encryption, underBucketRule } });
}

/** The same for what an upload id says of its beginning at a remote store. */
export async function continueAtStore(call: Call, place: Place, request: Continuing): Promise<UploadClaim> {
  const { operation, key } = request;
  const token = readToken(call, place, request);
  // Of a bare id nothing is known here, not what its parts should be encrypted with, nor who began it.
  if (token.kind === 'bare')
    throw new GatewayError(
      'NoSuchUpload',
      'The specified upload was not begun through this gateway: here it can be listed and aborted, and nothing else.',
    );
  await demandYoungClaim(call, place, request, token);
  await demandContinuation(call, place, { operation, key, begun: begunOf(token) });
  return token;
}

/** The store's upload id, and what was decided when the upload began. */
export function readToken(call: Call, place: Place, request: Omit<Continuing, 'operation'>): UploadToken {
  const token = call.services.uploadTokens.read(place.storeBucket, request.key, request.uploadId);
  if (token === undefined) throw noSuchUpload();
  if (token.kind === 'issued') call.services.knownUploads.noteIssued(nameOf(place, token), request.uploadId);
  return token;
}

export function nameOf(place: Place, { storeUploadId }: Pick<UploadClaim, 'storeUploadId'>): UploadName {
  return { store: place.backend.name, bucket: place.storeBucket, storeUploadId };
}

/** Ids of release 0.1.0 do not say when they were made: then the store does. */
async function demandYoungClaim(call: Call, place: Place, { key }: Continuing, claim: UploadClaim): Promise<void> {
  const { now, uploadsSince, knownUploads } = call.services;
  if (claim.initiated !== undefined) {
    demandYoung(call, claim.initiated);
    return;
  }
  // Ages count from the upgrade: nothing from before it is too old until a lifetime has passed since.
  if (now() - uploadsSince <= call.snapshot.uploadLifetime) return;
  const name = nameOf(place, claim);
  const initiated = knownUploads.initiated(name) ?? (await initiatedAtStore(call, place, key, claim));
  knownUploads.noteInitiated(name, initiated);
  demandYoung(call, initiated);
}

const PAGE = 1000;

async function initiatedAtStore(call: Call, place: Place, key: string, claim: UploadClaim): Promise<number> {
  let marker = { keyMarker: '', uploadIdMarker: '' };
  for (;;) {
    const page = await place.backend.execute(
      {
        operation: 'ListMultipartUploads',
        bucket: place.storeBucket,
        prefix: key,
        delimiter: '',
        maxUploads: PAGE,
        ...marker,
      },
      call.context,
    );
    const found = page.uploads.find((upload) => upload.key === key && upload.uploadId === claim.storeUploadId);
    if (found !== undefined) return found.initiated;
    const next = { keyMarker: page.nextKeyMarker ?? '', uploadIdMarker: page.nextUploadIdMarker ?? '' };
    // A key comes before those that it is a prefix of: past it there is nothing to find.
    const stuck = next.keyMarker === marker.keyMarker && next.uploadIdMarker === marker.uploadIdMarker;
    if (!page.truncated || next.keyMarker !== key || stuck) throw noSuchUpload();
    marker = next;
  }
}

function begunOf({ expected, alias }: UploadClaim): Begun {
  return { encryption: observedOf(expected), alias, underBucketRule: expected.kind === 'unspecified' };
}

function observedOf(expected: Expectation): Begun['encryption'] {
  return expected.kind === 'customer' ? { ...expected, algorithm: 'AES256' } : expected;
}
