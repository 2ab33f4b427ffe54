import { createHash, createHmac } from 'node:crypto';

/** `k6/crypto` as far as the load scripts use it, on node's own: vitest resolves the name to this file. */
export function sha256(input: string, encoding: 'hex'): string {
  return createHash('sha256').update(input).digest(encoding);
}

export function hmac(
  algorithm: string,
  secret: string | ArrayBuffer,
  input: string,
  encoding: 'hex' | 'binary',
): string | ArrayBuffer {
  const digest = createHmac(algorithm, typeof secret === 'string' ? secret : Buffer.from(secret)).update(input);
  if (encoding === 'hex') return digest.digest('hex');
  const bytes = digest.digest();
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}
