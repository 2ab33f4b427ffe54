import { GatewayError } from '../../../model/errors.ts';
import type { WireResponse } from '../../../wire/message.ts';
import type { EncodeContext } from '../../dialect.ts';
import { aclDocument } from '../words/acl.ts';
import { document, empty, text } from './answer.ts';
import type { Answered, ResponseWords } from './answer.ts';

const XML = 'application/xml';

/** Answers about buckets. */
export function encodeBucketResult(
  answered: Answered,
  context: EncodeContext,
  words: ResponseWords,
): WireResponse | undefined {
  switch (answered.operation) {
    case 'CreateBucket':
      if (!answered.result.created)
        return words.error(
          new GatewayError(
            'BucketAlreadyOwnedByYou',
            'Your previous request to create the named bucket succeeded and you already own it.',
            { details: { BucketName: answered.request.bucket } },
          ),
          context,
        );
      return empty(context, 200, [['location', `/${answered.request.bucket}`]]);
    case 'HeadBucket':
      return empty(context, 200, [['x-amz-bucket-region', answered.result.region]]);
    case 'GetBucketLocation':
      // S3 says us-east-1 by saying nothing.
      return document(context, [
        'LocationConstraint',
        answered.result.region === 'us-east-1' ? '' : answered.result.region,
      ]);
    case 'GetBucketAcl':
      return text(context, aclDocument(answered.result.acl, context.owner), XML);
    case 'GetBucketVersioning': {
      const { status } = answered.result;
      return document(context, ['VersioningConfiguration', status === undefined ? [] : [['Status', status]]]);
    }
    case 'GetBucketEncryption': {
      const { rule } = answered.result;
      if (rule === undefined)
        return words.error(
          new GatewayError(
            'ServerSideEncryptionConfigurationNotFoundError',
            'The server side encryption configuration was not found',
            { details: { BucketName: answered.request.bucket } },
          ),
          context,
        );
      return text(context, words.bucket.encodeClient(rule), XML);
    }
    case 'GetBucketReplication': {
      const { replication } = answered.result;
      if (replication.targets.length === 0)
        return words.error(
          new GatewayError('ReplicationConfigurationNotFoundError', 'The replication configuration was not found', {
            details: { BucketName: answered.request.bucket },
          }),
          context,
        );
      return text(context, words.replication.encode(replication), XML);
    }
    case 'GetBucketPolicy':
      if (answered.result.document === undefined)
        return words.error(
          new GatewayError('NoSuchBucketPolicy', 'The bucket policy does not exist', {
            details: { BucketName: answered.request.bucket },
          }),
          context,
        );
      return text(context, answered.result.document, 'application/json');
    case 'PutBucketAcl':
    case 'PutBucketEncryption':
    case 'PutBucketReplication':
      return empty(context, 200);
    case 'DeleteBucket':
    case 'DeleteBucketEncryption':
    case 'DeleteBucketReplication':
    case 'PutBucketPolicy':
    case 'DeleteBucketPolicy':
      return empty(context, 204);
    default:
      return undefined;
  }
}
