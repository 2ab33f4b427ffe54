import { GatewayError } from '../../../model/errors.ts';
import type { StorageRequest } from '../../../model/operations.ts';
import { childText } from '../../../wire/xml-document.ts';
import { bucketAclOf, demandNoContent } from './acl-wish.ts';
import { documentLimit, readDocumentBytes } from '../../document.ts';
import type { BucketEncryptionWords } from '../words/bucket-encryption.ts';
import { given } from './parameters.ts';
import type { Fields } from './parameters.ts';
import type { BucketOperation } from '../operations.ts';
import { malformed, readDocument, readOptionalDocument } from '../words/xml.ts';

export async function decodeBucketOperation(
  operation: BucketOperation,
  fields: Fields,
  words: BucketEncryptionWords,
): Promise<StorageRequest> {
  const { bucket } = fields;
  switch (operation) {
    case 'CreateBucket':
      return createBucket(fields);
    case 'PutBucketAcl':
      await demandNoContent(fields);
      return { operation, bucket, acl: bucketAclOf(fields) ?? 'private' };
    case 'PutBucketEncryption':
      return {
        operation,
        bucket,
        rule: words.decodeClient(
          await readDocument(fields.body, {
            root: 'ServerSideEncryptionConfiguration',
            limit: documentLimit(operation),
          }),
        ),
      };
    case 'PutBucketReplication':
      await readDocument(fields.body, { root: 'ReplicationConfiguration', limit: documentLimit(operation) });
      return { operation, bucket };
    case 'PutBucketPolicy':
      return { operation, bucket, document: await policyDocument(fields) };
    case 'GetBucketInfo':
    case 'GetBucketStat':
      throw new GatewayError('NotImplemented', `${operation} is not an operation of this API.`);
    case 'HeadBucket':
    case 'DeleteBucket':
    case 'GetBucketLocation':
    case 'GetBucketAcl':
    case 'GetBucketVersioning':
    case 'GetBucketEncryption':
    case 'DeleteBucketEncryption':
    case 'GetBucketReplication':
    case 'DeleteBucketReplication':
    case 'GetBucketPolicy':
    case 'DeleteBucketPolicy':
      return { operation, bucket };
  }
}

// S3: bucket policies are limited to 20 KB.
const MAX_POLICY_BYTES = 20 * 1024;
// RFC 3986 labels as S3 allows them in bucket names.
const BUCKET_NAME =
  /^(?!xn--|sthree-)(?!.*(?:\.\.|\.-|-\.|-s3alias$|--ol-s3$))(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

async function createBucket(fields: Fields): Promise<StorageRequest<'CreateBucket'>> {
  const { bucket } = fields;
  if (!BUCKET_NAME.test(bucket))
    throw new GatewayError('InvalidBucketName', 'The specified bucket is not valid.', {
      details: { BucketName: bucket },
    });
  const root = await readOptionalDocument(fields.body, {
    root: 'CreateBucketConfiguration',
    limit: documentLimit('CreateBucket'),
  });
  for (const { name } of root?.children ?? []) {
    // Terraform's AWS provider tags the bucket by a call of its own after this answer, and gives up after a 501.
    if (name === 'Tags')
      throw new GatewayError('UnsupportedArgument', 'The request contained an unsupported argument: Tags.');
    if (name === 'Location' || name === 'Bucket')
      throw new GatewayError('NotImplemented', `CreateBucket with ${name} is not implemented.`);
    if (name !== 'LocationConstraint') throw malformed();
  }
  const location = root === undefined ? undefined : childText(root, 'LocationConstraint');
  return {
    operation: 'CreateBucket',
    bucket,
    wish: { state: 'absent' },
    ...given('acl', bucketAclOf(fields)),
    ...given('location', location === '' ? undefined : location),
  };
}

async function policyDocument(fields: Fields): Promise<string> {
  const bytes = await readDocumentBytes(fields.body, MAX_POLICY_BYTES);
  if (bytes === 'too-large')
    throw new GatewayError(
      'MalformedPolicy',
      'Normalized policy document exceeds the maximum allowed size of 20480 bytes.',
    );
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GatewayError('MalformedPolicy', "Policies must be valid JSON and the first byte must be '{'", { cause });
  }
}
