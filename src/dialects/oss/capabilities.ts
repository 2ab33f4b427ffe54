import type { Capabilities } from '../../model/backend.ts';

/** What Alibaba OSS can do, with its native signature. */
export const OSS_CAPABILITIES: Capabilities = {
  managed: ['AES256', 'SM4'],
  kms: 'any',
  kmsAlgorithms: ['AES256', 'SM4'],
  layers: [1],
  customerKey: false,
  kmsDefaultKey: true,
  context: true,
  bucketKey: false,
  perObject: true,
  copyWithEncryption: true,
  conditionalCopy: true,
  keys: 'exact',
  bucketEncryption: true,
  payload: 'unsigned',
  minimumPartSize: 100 * 1024,
  checksumHeaders: false,
  needsContentLength: false,
  tlsOnly: false,
  seals: false,
  append: true,
  tagging: true,
  bucketInfo: true,
  completesAll: true,
};
