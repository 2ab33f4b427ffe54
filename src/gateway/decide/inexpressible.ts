import { DIALECTS } from '../../dialects/index.ts';
import type { DialectName } from '../../dialects/dialect.ts';
import type { Encryption, ObservedEncryption } from '../../model/encryption.ts';
import type { Call, Place } from '../call/call.ts';
import { describe, expectationOf } from '../expectation.ts';

/** Why a store cannot be told of an encryption that its language has no word for, with both names; undefined where it can. */
export function inexpressibleAt(call: Call, place: Place, encryption: Encryption<string>): string | undefined {
  const store = place.backend.dialect;
  const wanted = expectationOf(encryption);
  if (store === undefined || place.sameDialect || wanted.kind === 'unspecified') return undefined;
  if (DIALECTS[store as DialectName].canExpress(wanted as ObservedEncryption<string>)) return undefined;
  return `A ${call.dialect.name} client asks for ${describe(wanted)}, which a store that speaks ${store} has no word for.`;
}
