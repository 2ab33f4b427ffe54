import { GatewayError } from '../../../model/errors.ts';
import type { Credential } from '../../dialect.ts';
import { createHash, timingSafeEqual } from 'node:crypto';

/** A temporary credential is worth nothing without its token, and a token nothing beside another credential. */
export function checkSessionToken(credential: Credential, provided: readonly string[]): void {
  const expected = credential.sessionToken?.reveal();
  const agrees =
    expected === undefined
      ? provided.length === 0
      : provided.length > 0 && provided.every((token) => timingSafeEqual(digest(token), digest(expected)));
  if (!agrees) throw new GatewayError('InvalidSecurityToken', 'The provided token is malformed or otherwise invalid.');
}

/** Digests are of one length, which is all that the comparison then tells. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
