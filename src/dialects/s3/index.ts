import type { Dialect } from '../dialect.ts';
import { bucketEncryption } from './words/bucket-encryption.ts';
import { objectEncryption } from './words/encryption.ts';
import { replication } from './words/replication.ts';
import { createS3Variant } from './variant.ts';

/** The S3 API as Amazon defines it. */
export const s3: Dialect = createS3Variant({
  name: 's3',
  traits: {
    crc64: false,
    selfCopyNeedsChange: true,
    minimumPartSize: 5 * 1024 * 1024,
    wishesIgnored: false,
    showsImpliedRule: true,
    encryptionNeedsTls: false,
    perKeyErrors: true,
    uploadsKeepBucket: false,
    readsErrorsInside200: true,
    formsWithoutKms: ['sigv2-presigned'],
  },
  object: objectEncryption,
  bucket: bucketEncryption,
  replication,
});
