import type { UploadState } from '../../model/backend.ts';
import type { Encryption, KeyAlias } from '../../model/encryption.ts';
import type { ObjectMetadata, Wish } from '../../model/objects.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Call, Place } from '../call/call.ts';
import { atStore } from '../../policy/policy.ts';
import { decide } from './decide-write.ts';
import { sameContext, type EncryptionContext } from '../../model/encryption-context.ts';
import { type Expectation, expectationOf, keysAt, sameExpectation } from '../expectation.ts';

/** What an upload was begun with, as far as its parts may repeat it. */
export interface BegunWith {
  readonly expected: Expectation;
  readonly hasContext: (context: EncryptionContext) => boolean;
}

/**
 * ali-oss repeats the initiate's headers on every part: what Create said is accepted, anything else is a 400, because
 * a part cannot change the upload's encryption and silence would drop the wish.
 */
export async function demandRepeatedWish(
  call: Call,
  place: Place,
  request: { readonly key: string; readonly repeatedWish?: Wish },
  begun: BegunWith,
): Promise<void> {
  const wish = request.repeatedWish;
  if (wish === undefined || wish.state === 'absent') return;
  if (wish.state === 'illFormed') throw wish.error;
  const { policy } = call.snapshot;
  const store = place.backend.name;
  const { encryption } = wish;
  const { expected } = begun;
  const named =
    encryption.kind === 'kms' && encryption.key !== 'default'
      ? { ...encryption, key: policy.aliasOf(encryption.key, store) ?? (encryption.key as string as KeyAlias) }
      : (encryption as Encryption<KeyAlias>);
  // A part need not repeat the context; one that does must repeat the upload's own.
  const context = encryption.kind === 'kms' ? encryption.context : undefined;
  const fitting = context === undefined || begun.hasContext(context);
  const keys = keysAt(place.backend);
  if (fitting && sameExpectation(expectationOf(atStore(policy, named, store)), expected, keys)) return;
  // A rule that overrides wishes, or a replica's, took this one at Create without following it: so it does here.
  const decision = await decide(call, place, { operation: 'CreateMultipartUpload', key: request.key, wish }, policy);
  const unlike = decision.effect === 'allow' && (decision.overridden || call.client.principal.replicator);
  if (unlike && decision.encryption.kind !== 'unspecified') {
    if (sameExpectation(expectationOf(atStore(policy, decision.encryption, store)), expected, keys)) return;
  }
  throw new GatewayError(
    'InvalidArgument',
    'The encryption of a multipart upload is fixed when it is initiated; a part cannot ask for another.',
  );
}

/** Metadata that a part repeats must be what the upload was begun with: parts cannot change it. */
export function demandRepeatedMetadata(repeated: ObjectMetadata['user'] | undefined, created: ObjectMetadata): void {
  for (const [name, value] of Object.entries(repeated ?? {}))
    if (created.user[name] !== value)
      throw new GatewayError(
        'InvalidEncryptionRequest',
        `The metadata ${name} of the part is not what the upload was initiated with.`,
      );
}

/** What an upload under way at a sealing store was begun with. */
export function begunAs({ encryption, seal }: Pick<UploadState, 'encryption' | 'seal'>): BegunWith {
  return {
    expected: encryption.kind === 'kms' ? { ...encryption, key: encryption.key ?? 'default' } : encryption,
    hasContext: (context) => sameContext(context, seal?.context),
  };
}
