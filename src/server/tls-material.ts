import { X509Certificate, createPrivateKey } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { SecureContextOptions } from 'node:tls';
import type { Secret } from '../model/encryption.ts';
import { GatewayError } from '../model/errors.ts';

/** PEM texts of a listener. */
export interface TlsMaterial {
  /** Leaf first, then its chain. */
  readonly certificate: string;
  readonly key: Secret;
}

/** ECDHE with AEAD only: forward secrecy, no CBC. TLS 1.3's own suites are all of that kind. */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');

/** Options of a secure context; throws `InvalidArgument` when the texts are no pair, before anything is swapped. */
export function secureOptions(material: TlsMaterial, minTls: '1.2' | '1.3'): SecureContextOptions {
  const options = {
    cert: material.certificate,
    key: material.key.reveal(),
    minVersion: `TLSv${minTls}`,
    ciphers: CIPHERS,
    ecdhCurve: 'X25519:P-256:P-384',
    honorCipherOrder: true,
  } as const;
  try {
    const leaf = new X509Certificate(options.cert);
    if (!leaf.checkPrivateKey(createPrivateKey(options.key))) throw new Error('the key is not the certificate’s');
    createSecureContext(options);
  } catch (cause) {
    throw new GatewayError('InvalidArgument', 'The listener’s certificate or key cannot be used.', { cause });
  }
  return options;
}
