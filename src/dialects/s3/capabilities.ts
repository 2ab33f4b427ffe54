import type { Capabilities } from '../../model/backend.ts';

/** Amazon S3: everything of its own language. Per-bucket blocks of SSE-C (since 2026-04) show as 403 in the field. */
export const AWS_CAPABILITIES: Capabilities = {
  managed: ['AES256'],
  kms: 'any',
  kmsAlgorithms: ['AES256'],
  layers: [1, 2],
  customerKey: true,
  kmsDefaultKey: true,
  context: true,
  bucketKey: true,
  perObject: true,
  copyWithEncryption: true,
  conditionalCopy: true,
  keys: 'exact',
  bucketEncryption: true,
  payload: 'signed-chunks',
  minimumPartSize: 5 * 1024 * 1024,
  checksumHeaders: true,
  needsContentLength: true,
  tlsOnly: false,
  seals: false,
  append: false,
  tagging: true,
  bucketInfo: false,
  completesAll: false,
};

/** MinIO, Ceph, versitygw …: all that the type can do; the configuration says less. */
export const S3_CAPABILITIES: Capabilities = {
  ...AWS_CAPABILITIES,
  layers: [1],
  bucketKey: false,
  // MinIO and versitygw answer 200 to both and overwrite; MinIO drops leading slashes, versitygw cleans paths.
  conditionalCopy: false,
  keys: 'ask',
};
