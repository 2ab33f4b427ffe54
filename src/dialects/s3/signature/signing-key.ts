import { createHmac } from 'node:crypto';
import type { Credential } from '../../dialect.ts';

/** Keys kept for one credential: a day of a few regions. */
const KEYS_PER_CREDENTIAL = 8;

// Keyed by the credential object: an unknown access key has none, so that made-up keys cannot fill the memory, and a
// reload of the configuration drops its keys with it.
const remembered = new WeakMap<Credential, Map<string, Buffer>>();

/** The SigV4 key of a credential for a scope, from memory where it was remembered. */
export function signingKey(credential: Credential, date: string, region: string): Buffer {
  const known = remembered.get(credential)?.get(`${date}/${region}`);
  return known ?? deriveSigningKey(credential.secretAccessKey.reveal(), date, region);
}

/** Remembers a key, once a signature has proved the scope worth it: regions are free text of the client. */
export function rememberSigningKey(credential: Credential, date: string, region: string, key: Buffer): void {
  let keys = remembered.get(credential);
  if (keys === undefined) {
    keys = new Map();
    remembered.set(credential, keys);
  }
  const name = `${date}/${region}`;
  if (keys.has(name)) return;
  const [oldest] = keys.keys();
  if (keys.size >= KEYS_PER_CREDENTIAL && oldest !== undefined) keys.delete(oldest);
  keys.set(name, key);
}

/** The chain of HMACs of SigV4 for the service S3. */
export function deriveSigningKey(secretAccessKey: string, date: string, region: string): Buffer {
  return ['s3', 'aws4_request'].reduce(hmac, hmac(hmac(Buffer.from(`AWS4${secretAccessKey}`, 'utf8'), date), region));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}
