import type { ObservedEncryption } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Call, Place } from '../call/call.ts';

/** What of a call is asked. */
export interface TransferQuestion {
  readonly dialect: Pick<Call['dialect'], 'traits'>;
  readonly wire: { readonly connection: { readonly secure: boolean } };
  readonly verified: Pick<Call['verified'], 'form'>;
}

interface TransferPlace {
  readonly backend: { readonly capabilities: Pick<Place['backend']['capabilities'], 'perObject'> };
}

/**
 * What encryption demands of the way that its bytes take: TLS where the client's language or the store says so (JD:
 * Default-Encryption-For-Oss-Buckets), and no signature form that its vendor does not take for KMS objects.
 */
export function demandFitTransfer(
  call: TransferQuestion,
  place: TransferPlace,
  kind: ObservedEncryption['kind'] | 'unspecified',
): void {
  if (kind === 'none' || kind === 'unspecified') return;
  const { encryptionNeedsTls, formsWithoutKms } = call.dialect.traits;
  const needsTls = encryptionNeedsTls || !place.backend.capabilities.perObject;
  if (needsTls && !call.wire.connection.secure)
    throw new GatewayError('AccessDenied', 'Encrypted objects are written and read over HTTPS only.');
  if ((kind === 'kms' || encryptionNeedsTls) && formsWithoutKms?.includes(call.verified.form) === true)
    throw new GatewayError(
      'InvalidArgument',
      'Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.',
      { details: { ArgumentName: 'Authorization', ArgumentValue: 'null' } },
    );
}
