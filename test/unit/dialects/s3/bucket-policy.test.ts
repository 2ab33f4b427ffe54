import { describe, expect, test } from 'vitest';
import { parseBucketPolicy } from '../../../../src/dialects/s3/bucket-policy.ts';
import { refusal } from './requests.ts';

const STATEMENT = { Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: ['arn:aws:s3:::b', 'arn:aws:s3:::b/*'] };

function policy(...statements: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

describe('bucket policies', () => {
  test('HTTPS only', () => {
    const document = policy({ ...STATEMENT, Condition: { Bool: { 'aws:SecureTransport': 'false' } } });
    expect(parseBucketPolicy(document)).toEqual([
      {
        effect: 'Deny',
        principals: ['*'],
        actions: ['*'],
        resources: ['', '*'],
        conditions: [{ operator: 'bool', subject: 'secureTransport', values: ['false'] }],
      },
    ]);
  });

  test('encryption conditions in the model’s words', () => {
    const [statement] = parseBucketPolicy(
      policy({
        ...STATEMENT,
        Action: ['s3:PutObject'],
        Resource: 'arn:aws:s3:::b/secret/*',
        Condition: {
          StringNotEquals: { 's3:x-amz-server-side-encryption': ['aws:kms', 'aws:kms:dsse'] },
          StringLike: { 's3:x-amz-server-side-encryption': 'aws:kms*' },
          Null: { 's3:x-amz-server-side-encryption-aws-kms-key-id': true },
          StringEquals: { 's3:x-amz-server-side-encryption-customer-algorithm': 'AES256' },
        },
      }),
    );
    expect(statement).toMatchObject({
      actions: ['write'],
      resources: ['secret/*'],
      conditions: [
        { operator: 'notEquals', subject: 'encryption', values: ['kms', 'kms:2'] },
        { operator: 'like', subject: 'encryption', values: ['kms', 'kms:2', 'aws:kms*'] },
        { operator: 'absent', subject: 'kmsKeyId', values: ['true'] },
        { operator: 'equals', subject: 'customerAlgorithm', values: ['AES256'] },
      ],
    });
  });

  test.each([
    ['an action finer than the model', { Action: 's3:PutBucketCORS' }],
    ['another condition key', { Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }],
    ['an IfExists operator', { Condition: { BoolIfExists: { 'aws:SecureTransport': 'false' } } }],
    ['NotAction', { NotAction: 's3:GetObject' }],
    ['NotPrincipal', { NotPrincipal: '*' }],
    ['a federated principal', { Principal: { Federated: 'x' } }],
    ['a pattern of buckets', { Resource: 'arn:aws:s3:::b*' }],
    ['a policy variable', { Resource: 'arn:aws:s3:::b/${aws:username}/*' }],
  ])('what cannot be judged is not half-understood: %s', async (_name, change) => {
    expect((await refusal(() => parseBucketPolicy(policy({ ...STATEMENT, ...change })))).code).toBe('NotImplemented');
  });

  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['another version', '{"Version":"2020-01-01","Statement":[]}'],
    ['an unknown field', policy({ ...STATEMENT, Actions: 'x' })],
    ['no effect', policy({ ...STATEMENT, Effect: 'deny' })],
    ['no action', policy({ ...STATEMENT, Action: [] })],
    ['two buckets', policy({ ...STATEMENT, Resource: ['arn:aws:s3:::b', 'arn:aws:s3:::c'] })],
    ['a value that is no boolean', policy({ ...STATEMENT, Condition: { Bool: { 'aws:SecureTransport': 'no' } } })],
  ])('are refused when malformed: %s', async (_name, document) => {
    expect((await refusal(() => parseBucketPolicy(document))).code).toBe('MalformedPolicy');
  });

  test('for its bucket only', async () => {
    const document = policy(STATEMENT);
    expect(parseBucketPolicy(document, { bucket: 'b' })).toHaveLength(1);
    expect((await refusal(() => parseBucketPolicy(document, { bucket: 'c' }))).code).toBe('MalformedPolicy');
  });

  test('a store that enforces them too is left what has nothing to do with the client’s hop', async () => {
    const https = { ...STATEMENT, Condition: { Bool: { 'aws:SecureTransport': 'false' } } };
    const foreign = [
      { ...STATEMENT, Effect: 'Allow', Condition: https.Condition },
      { ...STATEMENT, Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } },
      { ...STATEMENT, Principal: undefined, NotPrincipal: { AWS: 'arn:aws:iam::1:root' } },
    ];
    expect(parseBucketPolicy(policy(https, ...foreign), { judgedAtStore: true })).toHaveLength(1);
    // What concerns it and is not understood is never skipped.
    const odd = { ...https, Condition: { ...https.Condition, IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } };
    expect((await refusal(() => parseBucketPolicy(policy(odd), { judgedAtStore: true }))).code).toBe('NotImplemented');
    const version = { ...STATEMENT, Condition: { NumericLessThan: { 's3:TlsVersion': '1.2' } } };
    expect((await refusal(() => parseBucketPolicy(policy(version), { judgedAtStore: true }))).code).toBe(
      'NotImplemented',
    );
  });
});
