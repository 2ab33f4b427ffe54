import { createHash, timingSafeEqual } from 'node:crypto';
import { secret } from '../../../model/encryption.ts';
import type { CustomerKey } from '../../../model/encryption.ts';
import { GatewayError } from '../../../model/errors.ts';
import type { HeaderLines } from '../../../wire/message.ts';
import { customerNames } from './encryption-family.ts';

const KEY_BYTES = 32;
const MD5_BYTES = 16;
const PROVIDED = 'Requests specifying Server Side Encryption with Customer provided keys';

/**
 * The customer's key of a request; undefined where none of the three names is there. Throws AWS's error for each way
 * to get it wrong, in AWS's order.
 */
export function decodeCustomerKey(
  values: ReadonlyMap<string, string>,
  prefix: string,
  secure: boolean,
): CustomerKey | undefined {
  const [algorithmName, keyName, md5Name] = customerNames(prefix);
  const [algorithm, key, md5] = [values.get(algorithmName), values.get(keyName), values.get(md5Name)];
  if (algorithm === undefined && key === undefined && md5 === undefined) return undefined;
  // Over plain HTTP the key must be considered compromised: AWS rejects it whatever else is wrong.
  if (!secure) throw new GatewayError('InvalidRequest', `${PROVIDED} must be made over a secure connection.`);
  if (algorithm === undefined)
    throw invalid(algorithmName, `${PROVIDED} must provide a valid encryption algorithm.`, 'null');
  if (algorithm !== 'AES256')
    throw new GatewayError(
      'InvalidEncryptionAlgorithmError',
      'The Encryption request you specified is not valid. Supported value: AES256.',
      { details: { ArgumentName: algorithmName, ArgumentValue: algorithm } },
    );
  if (key === undefined) throw invalid(keyName, `${PROVIDED} must provide an appropriate secret key.`, 'null');
  if (md5 === undefined)
    throw invalid(md5Name, `${PROVIDED} must provide the client calculated MD5 of the secret key.`, 'null');
  const bytes = strictBase64(key);
  if (bytes?.length !== KEY_BYTES)
    throw invalid(keyName, 'The secret key was invalid for the specified algorithm.', undefined);
  const claimed = strictBase64(md5);
  const computed = createHash('md5').update(bytes).digest();
  if (claimed?.length !== MD5_BYTES || !timingSafeEqual(claimed, computed))
    throw invalid(md5Name, 'The calculated MD5 hash of the key did not match the hash that was provided.', undefined);
  return { key: secret<Uint8Array>(bytes), md5 };
}

/** The three headers that carry the key to a store. */
export function encodeCustomerKey(key: CustomerKey, prefix: string): HeaderLines {
  const [algorithm, name, md5] = customerNames(prefix);
  return [
    [algorithm, 'AES256'],
    [name, Buffer.from(key.key.reveal()).toString('base64')],
    [md5, key.md5],
  ];
}

/** Canonical padded base64 only: two spellings of one key would be two keys to whoever compares text. */
export function strictBase64(text: string): Buffer | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

function invalid(name: string, message: string, value: string | undefined): GatewayError {
  return new GatewayError('InvalidArgument', message, {
    details: { ArgumentName: name, ...(value === undefined ? {} : { ArgumentValue: value }) },
  });
}
