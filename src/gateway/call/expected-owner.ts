import type { Dialect, VerifiedRequest } from '../../dialects/dialect.ts';
import { GatewayError } from '../../model/errors.ts';

/** A bucket that changed hands must not be used by mistake (S3, bucket owner condition). Everything here has one owner. */
export function demandOwner(dialect: Dialect, verified: VerifiedRequest, owner: string): void {
  const expected = dialect.expectedOwners?.(verified) ?? [];
  if (expected.some((other) => other !== owner)) throw new GatewayError('AccessDenied', 'Access Denied');
}
