import { describe, expect, test } from 'vitest';
import { denies, type PolicySubject } from '../../../src/gateway/policy-statements.ts';
import { like } from '../../../src/model/wildcard.ts';
import type { BucketPolicyCondition, BucketPolicyStatement } from '../../../src/model/bucket-policy.ts';

const DENY: BucketPolicyStatement = {
  effect: 'Deny',
  principals: ['*'],
  actions: ['write'],
  resources: ['*'],
  conditions: [],
};
const PUT: PolicySubject = { accessKeyId: 'AK', action: 'write', key: 'k', secure: true, asked: {}, keyNames: [] };
const when = (...conditions: readonly BucketPolicyCondition[]): BucketPolicyStatement => ({ ...DENY, conditions });

describe('a Deny', () => {
  test('reaches its principals, actions and keys only', () => {
    expect(denies(DENY, PUT)).toBe(true);
    expect(denies({ ...DENY, effect: 'Allow' }, PUT)).toBe(false);
    expect(denies({ ...DENY, principals: ['OTHER'] }, PUT)).toBe(false);
    expect(denies({ ...DENY, principals: ['OTHER', 'AK'] }, PUT)).toBe(true);
    expect(denies({ ...DENY, actions: ['read'] }, PUT)).toBe(false);
    expect(denies({ ...DENY, resources: ['private/*'] }, PUT)).toBe(false);
    expect(denies({ ...DENY, resources: ['private/*'] }, { ...PUT, key: 'private/k' })).toBe(true);
  });

  test('of keys leaves the bucket alone, and of the bucket leaves keys alone', () => {
    expect(denies({ ...DENY, resources: ['*'] }, { ...PUT, key: undefined })).toBe(false);
    expect(denies({ ...DENY, resources: [''] }, { ...PUT, key: undefined })).toBe(true);
    expect(denies({ ...DENY, resources: [''] }, PUT)).toBe(false);
  });
});

describe('a condition', () => {
  const encryption = (
    operator: BucketPolicyCondition['operator'],
    ...values: readonly string[]
  ): BucketPolicyStatement => when({ operator, subject: 'encryption', values });
  test.each([
    ['equals', 'kms', {}, false],
    ['equals', 'kms', { encryption: 'kms' }, true],
    ['notEquals', 'kms', {}, true],
    ['notEquals', 'kms', { encryption: 'kms' }, false],
    ['notEquals', 'kms', { encryption: 'kms:2' }, true],
    ['like', 'kms*', { encryption: 'kms:2' }, true],
    ['notLike', 'kms*', { encryption: 'AES256' }, true],
    ['notLike', 'kms*', {}, true],
    ['absent', 'true', {}, true],
    ['absent', 'true', { encryption: 'AES192' }, false],
    ['absent', 'false', { encryption: 'AES256' }, true],
  ] as const)('%s %s over %j is %s', (operator, value, asked, expected) => {
    expect(denies(encryption(operator, value), { ...PUT, asked })).toBe(expected);
  });

  test('about a key holds for any of its names', () => {
    const asked = {
      ...PUT,
      asked: { encryption: 'kms', kmsKeyId: 'orders' },
      keyNames: ['orders', 'arn:aws:kms:x:1:key/2'],
    };
    const named = (operator: BucketPolicyCondition['operator'], value: string): BucketPolicyStatement =>
      when({ operator, subject: 'kmsKeyId', values: [value] });
    expect(denies(named('equals', 'arn:aws:kms:x:1:key/2'), asked)).toBe(true);
    expect(denies(named('notEquals', 'arn:aws:kms:x:1:key/2'), asked)).toBe(false);
    expect(denies(named('notEquals', 'archive'), asked)).toBe(true);
    expect(denies(named('notLike', 'arn:aws:kms:*'), asked)).toBe(false);
  });

  test('about encryption does not reach a write that puts no object, but for statements about every action', () => {
    const tags = { ...PUT, asked: 'unasked' as const };
    expect(denies(encryption('absent', 'true'), tags)).toBe(false);
    expect(denies({ ...encryption('absent', 'true'), actions: ['*'] }, tags)).toBe(true);
  });

  test('all of them must hold', () => {
    const both = when(
      { operator: 'bool', subject: 'secureTransport', values: ['false'] },
      { operator: 'absent', subject: 'encryption', values: ['true'] },
    );
    expect(denies(both, PUT)).toBe(false);
    expect(denies(both, { ...PUT, secure: false })).toBe(true);
    expect(denies(both, { ...PUT, secure: false, asked: { encryption: 'kms' } })).toBe(false);
  });
});

/** A matcher that backtracks does not come back at all. */
test('patterns do not backtrack', { timeout: 10_000 }, () => {
  expect(like('a'.repeat(1024), `${'*a'.repeat(200)}b`)).toBe(false);
  expect(like('private/2026/x.txt', 'private/????/*.txt')).toBe(true);
  expect(like('', '*')).toBe(true);
});
