import type { Wish } from '../model/objects.ts';
import { GatewayError } from '../model/errors.ts';
import type { Call, Place } from './call.ts';
import { honours } from './attest.ts';
import type { Expectation } from './upload-token.ts';

/**
 * ali-oss repeats the initiate's headers on every part: what Create said is accepted, anything else is a 400, because
 * a part cannot change the upload's encryption and silence would drop the wish.
 */
export function demandRepeatedWish(call: Call, place: Place, wish: Wish | undefined, expected: Expectation): void {
  if (wish === undefined || wish.state === 'absent' || expected.kind === 'unspecified') return;
  if (wish.state === 'illFormed') throw wish.error;
  const { encryption } = wish;
  if (encryption.kind === 'kms' && expected.kind === 'kms') {
    const { policy } = call.snapshot;
    const alias = policy.aliasOf(encryption.key, place.backend.name) ?? encryption.key;
    const key = policy.keyAt(alias as never, place.backend.name);
    if (
      honours(
        { ...expected, key },
        { kind: 'kms', key: expected.key as never, algorithm: expected.algorithm, layers: expected.layers },
      )
    )
      return;
  } else if (
    encryption.kind === 'managed' &&
    expected.kind === 'managed' &&
    encryption.algorithm === expected.algorithm
  )
    return;
  throw new GatewayError(
    'InvalidArgument',
    'The encryption of a multipart upload is fixed when it is initiated; a part cannot ask for another.',
  );
}
