import { GatewayError } from '../../../model/errors.ts';
import type { VerifiedRequest } from '../../dialect.ts';

/** "The account ID of the expected bucket owner" (S3 API reference); the second is that of a copy's source. */
export const EXPECTED_OWNER: readonly string[] = ['x-amz-expected-bucket-owner', 'x-amz-source-expected-bucket-owner'];

const ACCOUNT = /^\d{12}$/;

/** Whoever is expected to own the bucket, from headers and from a presigned query. */
export function expectedOwners({ wire }: VerifiedRequest): readonly string[] {
  const fields = [...wire.headers, ...wire.query.map(({ name, value }) => [name.toLowerCase(), value ?? ''] as const)];
  const owners = fields.filter(([name]) => EXPECTED_OWNER.includes(name)).map(([, value]) => value);
  const none = owners.find((owner) => !ACCOUNT.test(owner));
  if (none !== undefined)
    throw new GatewayError(
      'InvalidBucketOwnerAWSAccountID',
      `The value of the expected bucket owner parameter must be an AWS Account ID... [${none.slice(0, 64)}]`,
    );
  return owners;
}
