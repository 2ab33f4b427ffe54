import { describe, expect, test } from 'vitest';
import { compileStatements, type PolicySubject } from '../../../src/gateway/memory/policy-statements.ts';
import type { BucketPolicyCondition, BucketPolicyStatement } from '../../../src/model/bucket-policy.ts';
import { stepsIn } from '../steps.ts';

const DENY: BucketPolicyStatement = {
  effect: 'Deny',
  principals: ['*'],
  actions: ['write'],
  resources: ['*'],
  conditions: [],
};
type Asked = PolicySubject & { readonly key: string | undefined };
const PUT: Asked = { accessKeyId: 'AK', action: 'write', key: 'k', secure: true, asked: {}, keyNames: [] };
const denies = (statement: BucketPolicyStatement, { key, ...subject }: Asked): Promise<boolean> =>
  compileStatements([statement]).deny(subject, [key]);
const when = (...conditions: readonly BucketPolicyCondition[]): BucketPolicyStatement => ({ ...DENY, conditions });

describe('a Deny', async () => {
  test('reaches its principals, actions and keys only', async () => {
    expect(await denies(DENY, PUT)).toBe(true);
    expect(await denies({ ...DENY, effect: 'Allow' }, PUT)).toBe(false);
    expect(await denies({ ...DENY, principals: ['OTHER'] }, PUT)).toBe(false);
    expect(await denies({ ...DENY, principals: ['OTHER', 'AK'] }, PUT)).toBe(true);
    expect(await denies({ ...DENY, actions: ['read'] }, PUT)).toBe(false);
    expect(await denies({ ...DENY, resources: ['private/*'] }, PUT)).toBe(false);
    expect(await denies({ ...DENY, resources: ['private/*'] }, { ...PUT, key: 'private/k' })).toBe(true);
  });

  test('of keys leaves the bucket alone, and of the bucket leaves keys alone', async () => {
    expect(await denies({ ...DENY, resources: ['*'] }, { ...PUT, key: undefined })).toBe(false);
    expect(await denies({ ...DENY, resources: [''] }, { ...PUT, key: undefined })).toBe(true);
    expect(await denies({ ...DENY, resources: [''] }, PUT)).toBe(false);
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
  ] as const)('%s %s over %j is %s', async (operator, value, asked, expected) => {
    expect(await denies(encryption(operator, value), { ...PUT, asked })).toBe(expected);
  });

  test('about a key holds for any of its names', async () => {
    const asked = {
      ...PUT,
      asked: { encryption: 'kms', kmsKeyId: 'orders' },
      keyNames: ['orders', 'arn:aws:kms:x:1:key/2'],
    };
    const named = (operator: BucketPolicyCondition['operator'], value: string): BucketPolicyStatement =>
      when({ operator, subject: 'kmsKeyId', values: [value] });
    expect(await denies(named('equals', 'arn:aws:kms:x:1:key/2'), asked)).toBe(true);
    expect(await denies(named('notEquals', 'arn:aws:kms:x:1:key/2'), asked)).toBe(false);
    expect(await denies(named('notEquals', 'archive'), asked)).toBe(true);
    expect(await denies(named('notLike', 'arn:aws:kms:*'), asked)).toBe(false);
  });

  test('about encryption does not reach a write that puts no object, but for statements about every action', async () => {
    const tags = { ...PUT, asked: 'unasked' as const };
    expect(await denies(encryption('absent', 'true'), tags)).toBe(false);
    expect(await denies({ ...encryption('absent', 'true'), actions: ['*'] }, tags)).toBe(true);
  });

  test('all of them must hold', async () => {
    const both = when(
      { operator: 'bool', subject: 'secureTransport', values: ['false'] },
      { operator: 'absent', subject: 'encryption', values: ['true'] },
    );
    expect(await denies(both, PUT)).toBe(false);
    expect(await denies(both, { ...PUT, secure: false })).toBe(true);
    expect(await denies(both, { ...PUT, secure: false, asked: { encryption: 'kms' } })).toBe(false);
  });
});

describe('many patterns and many keys', () => {
  const keys = Array.from({ length: 1000 }, (_, i) => `${'a'.repeat(1000)}${i}`);
  const subject: PolicySubject = { accessKeyId: 'AK', action: 'delete', secure: true, asked: {}, keyNames: [] };
  const denying = (...resources: readonly string[]): BucketPolicyStatement => ({
    ...DENY,
    actions: ['*'],
    resources,
  });

  test('cost steps in the sum of their lengths: 36 patterns of 500 characters on 1,000 keys', async () => {
    const patterns = Array.from({ length: 36 }, (_, i) => `*${'a'.repeat(500 + i)}b`);
    const statements = compileStatements([denying(...patterns)]);
    const steps = await stepsIn(['/src/model/wildcard.ts', '/src/gateway/policy-statements.ts'], async () => {
      expect(await statements.deny(subject, keys)).toBe(false);
    });
    // Every pattern ends in a letter that no key has: nothing is searched. Trying everything takes 18,000,000,000.
    expect(steps).toBeLessThan(1_000_000);
    const searched = compileStatements([denying(...patterns.map((pattern) => `${pattern}*`))]);
    const searching = await stepsIn(['/src/model/wildcard.ts'], async () => {
      expect(await searched.deny(subject, keys.slice(0, 20))).toBe(false);
    });
    expect(searching).toBeLessThan(20 * 36 * 1004 * 6);
  });

  test('let others run between their steps', async () => {
    const statements = compileStatements([
      denying(...Array.from({ length: 36 }, (_, i) => `*${'a'.repeat(500 + i)}b*`)),
    ]);
    let turns = 0;
    let going = true;
    const count = (): void => {
      turns++;
      if (going) setImmediate(count);
    };
    setImmediate(count);
    expect(await statements.deny(subject, keys.slice(0, 200))).toBe(false);
    going = false;
    // 36 patterns on 200,000 characters, a turn after each 256 Ki.
    expect(turns).toBeGreaterThan(20);
  });

  test('are refused where they are too many together, with what to do about it', async () => {
    const statements = compileStatements([denying(...Array.from({ length: 2500 }, (_, i) => `*${i.toString(36)}z*`))]);
    await expect(statements.deny(subject, keys)).rejects.toMatchObject({
      code: 'InvalidRequest',
      message: 'The policy of the bucket names 2500 patterns, too many for 1000 keys in one request: send fewer keys.',
    });
    expect(await statements.deny(subject, ['k'])).toBe(false);
  });

  test('that are written twice are judged once', async () => {
    const statements = compileStatements([denying(...Array<string>(2500).fill('*zz*')), denying('*zz*')]);
    expect(await statements.deny(subject, keys)).toBe(false);
  });
});
