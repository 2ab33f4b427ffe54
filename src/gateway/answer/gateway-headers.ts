import type { Dialect } from '../../dialects/dialect.ts';
import type { ObservedEncryption } from '../../model/encryption.ts';
import type { WireResponse } from '../../wire/message.ts';

/** Where the client's language has no name for an object's encryption, this header says it. */
const ENCRYPTION_HEADER = 'x-bucketseal-encryption';

/** Adds what no vendor header can say. */
export function withGatewayHeaders(dialect: Dialect, result: object, response: WireResponse): WireResponse {
  const encryption = 'encryption' in result ? (result.encryption as ObservedEncryption<string> | undefined) : undefined;
  if (
    encryption === undefined ||
    encryption.kind === 'none' ||
    !('kind' in encryption) ||
    response.headers.some(([name]) => name === ENCRYPTION_HEADER) ||
    dialect.canExpress(encryption)
  )
    return response;
  return { ...response, headers: [...response.headers, [ENCRYPTION_HEADER, nameOf(encryption)]] };
}

function nameOf(encryption: ObservedEncryption<string>): string {
  switch (encryption.kind) {
    case 'none':
      return 'none';
    case 'managed':
      return encryption.algorithm;
    case 'customer':
      return 'customer';
    case 'kms':
      return `KMS${encryption.algorithm === 'AES256' ? '' : `-${encryption.algorithm}`}${encryption.layers === 2 ? '-2' : ''}`;
  }
}
