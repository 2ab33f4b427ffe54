import { GatewayError } from '../model/errors.ts';

/**
 * What every cryptographic failure looks like from outside: one code and one sentence, so that no caller can be used
 * as an oracle (CVE-2020-8911). The reason is the cause, for the audit record only.
 */
export function integrityError(reason: string): GatewayError {
  return new GatewayError('InternalError', 'We encountered an internal error. Please try again.', {
    cause: new Error(reason),
  });
}
