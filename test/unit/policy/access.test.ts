import { describe, expect, test } from 'vitest';
import type { AccessInput, Principal } from '../../../src/policy/decision.ts';
import type { Action } from '../../../src/model/operations.ts';
import { compile, KEYS, principal } from './world.ts';

const policy = compile({
  version: 1,
  keys: KEYS,
  defaults: { transport: { httpsOnly: true, minTls: '1.2' }, encryption: { default: 'managed' } },
  buckets: [
    { match: 'open-*', store: 'full', transport: { httpsOnly: false } },
    {
      match: 'mixed',
      store: 'full',
      prefixes: [
        { prefix: 'pub', transport: { httpsOnly: false } },
        { prefix: 'public/strict/', transport: { httpsOnly: true, minTls: '1.3' } },
      ],
    },
    { match: 'closed', store: 'full' },
  ],
});

function access(more: Partial<AccessInput> = {}) {
  return policy.access({
    principal: principal(),
    action: 'write',
    bucket: 'closed',
    key: 'k',
    secure: true,
    tlsVersion: 'TLSv1.3',
    ...more,
  });
}
const plain = { secure: false, tlsVersion: undefined };

describe('transport', () => {
  test('plain HTTP is refused in every vendor’s words where HTTPS is demanded', () => {
    expect(access(plain)).toMatchObject({
      effect: 'deny',
      code: 'AccessDenied',
      message: 'Access Denied',
      ec: '0003-00000101',
      wording: { oss: 'Access denied by bucket policy.' },
      rule: { name: 'closed', file: 'policy.yaml', line: 12 },
    });
  });

  test.each([
    ['open-1', 'k', true],
    ['closed', 'k', false],
    ['mixed', 'k', false],
    ['mixed', 'pub', true],
    ['mixed', 'public2/k', true],
    ['mixed', 'pu', false],
    ['mixed', 'public/strict/k', false],
    ['mixed', undefined, false],
  ])('plain HTTP to %s, key %s: allowed is %s', (bucket, key, allowed) => {
    expect(access({ ...plain, bucket, key }).effect).toBe(allowed ? 'allow' : 'deny');
  });

  test.each([
    ['k', 'TLSv1.2', true],
    ['k', 'TLSv1.1', false],
    ['k', 'TLSv1', false],
    ['k', 'SSLv3', false],
    ['k', undefined, true],
    ['public/strict/k', 'TLSv1.2', false],
    ['public/strict/k', 'TLSv1.3', true],
    ['public/strict/k', undefined, true],
  ])('key %s over %s: allowed is %s', (key, tlsVersion, allowed) => {
    expect(access({ bucket: 'mixed', key, tlsVersion }).effect).toBe(allowed ? 'allow' : 'deny');
  });

  test("a client's own rule only adds", () => {
    const bound = (transport: Principal['transport']) => ({ principal: principal({ transport }) });
    expect(access({ ...plain, bucket: 'open-1', ...bound({ httpsOnly: true }) }).effect).toBe('deny');
    expect(access({ ...plain, ...bound({ httpsOnly: false }) }).effect).toBe('deny');
    expect(access({ tlsVersion: 'TLSv1.2', ...bound({ minTls: '1.3' }) }).effect).toBe('deny');
    expect(
      access({ bucket: 'mixed', key: 'public/strict/k', tlsVersion: 'TLSv1.2', ...bound({ minTls: '1.2' }) }).effect,
    ).toBe('deny');
  });

  test('comes before grants, and binds buckets without a rule by the defaults', () => {
    expect(access({ ...plain, principal: principal({ grants: [] }) })).toMatchObject({ ec: '0003-00000101' });
    expect(access({ ...plain, bucket: 'nobody' })).toMatchObject({ effect: 'deny', ec: '0003-00000101' });
    expect(policy.transport({ principal: principal(), bucket: 'closed', key: 'k', ...plain })).toMatchObject({
      effect: 'deny',
    });
    expect(
      policy.transport({
        principal: principal({ grants: [] }),
        bucket: 'x',
        key: 'k',
        secure: true,
        tlsVersion: 'TLSv1.2',
      }),
    ).toEqual({ effect: 'allow' });
  });
});

describe('grants', () => {
  const limited = principal({
    grants: [
      { buckets: ['open-*', 'mixed'], actions: ['read'] },
      { buckets: ['closed'], prefixes: ['team/'], actions: ['read', 'list', 'write', 'configure'] },
    ],
  });

  test.each<[string, string | undefined, Action, boolean]>([
    ['open-1', 'k', 'read', true],
    ['open-1', 'k', 'write', false],
    ['open', 'k', 'read', false],
    ['xopen-1', 'k', 'read', false],
    ['closed', 'team/k', 'write', true],
    ['closed', 'team', 'write', false],
    ['closed', 'other/k', 'read', false],
    ['closed', 'team/', 'list', true],
    ['closed', '', 'list', false],
    ['closed', undefined, 'list', true],
    ['closed', undefined, 'configure', false],
    ['closed', 'team/k', 'delete', false],
  ])('%s %s %s: allowed is %s', (bucket, key, action, allowed) => {
    const answer = access({ principal: limited, bucket, key, action });
    expect(answer).toMatchObject(allowed ? { effect: 'allow' } : { effect: 'deny', code: 'AccessDenied' });
    expect(answer).not.toHaveProperty('ec');
  });

  test('a bucket that no rule matches is refused to everybody', () => {
    expect(access({ bucket: 'nobody' })).toMatchObject({ effect: 'deny', code: 'AccessDenied', rule: undefined });
  });

  test('any grant makes a bucket visible', () => {
    expect(policy.visible(limited, 'closed')).toBe(true);
    expect(policy.visible(limited, 'open-2')).toBe(true);
    expect(policy.visible(limited, 'else')).toBe(false);
  });

  test('reads of what was sealed need the key, but for the default and managed keys', () => {
    const holder = principal({ keys: ['orders'] });
    expect(policy.mayRead(holder, 'closed', 'orders')).toEqual({ effect: 'allow' });
    expect(policy.mayRead(holder, 'closed', 'other')).toMatchObject({ effect: 'deny', code: 'AccessDenied' });
    expect(policy.mayRead(principal({ keys: [] }), 'closed', 'default')).toEqual({ effect: 'allow' });
    expect(policy.mayRead(principal({ keys: [] }), 'closed', '')).toEqual({ effect: 'allow' });
    expect(policy.mayRead(principal({ keys: ['*'] }), 'closed', 'other')).toEqual({ effect: 'allow' });
  });
});
