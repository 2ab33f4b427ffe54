import type { Dialect } from '../dialect.ts';
import { replicationDocument } from '../s3/words/replication.ts';
import { createS3Variant } from '../s3/variant.ts';
import { jdBucketEncryption, jdObjectEncryption } from './encryption.ts';

/** JD Cloud OSS: S3 with another word for encryption in answers and none on objects' requests. */
export const jd: Dialect = createS3Variant({
  name: 'jd',
  traits: {
    crc64: false,
    selfCopyNeedsChange: true,
    minimumPartSize: 5 * 1024 * 1024,
    wishesIgnored: true,
    showsImpliedRule: false,
    encryptionNeedsTls: true,
    perKeyErrors: true,
    uploadsKeepBucket: false,
    readsErrorsInside200: true,
    formsWithoutKms: ['sigv2-presigned'],
  },
  object: jdObjectEncryption,
  bucket: jdBucketEncryption,
  // JD: Role, ID, Status, Prefix, Destination; no SourceSelectionCriteria, replicas follow the target bucket's rule.
  replication: { encode: (rules) => replicationDocument(rules, { version: 1 }) },
});
