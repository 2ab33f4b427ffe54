import type { Capabilities } from '../../model/backend.ts';

/** JD Cloud OSS: KMS by bucket rule only, over HTTPS only, bodies in one signed or unsigned piece. */
export const JD_CAPABILITIES: Capabilities = {
  managed: [],
  // "any" of the type's keys: there is only its own, which `kmsDefaultKey` names.
  kms: [],
  kmsAlgorithms: ['AES256'],
  layers: [1],
  customerKey: false,
  kmsDefaultKey: true,
  context: false,
  bucketKey: false,
  perObject: false,
  copyWithEncryption: true,
  conditionalCopy: false,
  keys: 'exact',
  bucketEncryption: true,
  payload: 'unsigned',
  minimumPartSize: 5 * 1024 * 1024,
  checksumHeaders: false,
  needsContentLength: true,
  tlsOnly: true,
  seals: false,
  append: false,
  tagging: false,
  bucketInfo: false,
  completesAll: false,
};
