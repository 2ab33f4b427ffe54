import { describe, expect, test } from 'vitest';
import type { KeySpelling } from '../../../src/model/encryption.ts';
import { keySpelling as oss } from '../../../src/dialects/oss/words/key-spelling.ts';
import { keySpelling as s3 } from '../../../src/dialects/s3/words/key-spelling.ts';

const ID = '1234abcd-12ab-34cd-56ef-1234567890ab';
const ARN = `arn:aws:kms:us-east-1:111122223333:key/${ID}`;

type Pairs = readonly (readonly [string, string])[];
const STORES: readonly (readonly [string, KeySpelling, Pairs, Pairs])[] = [
  [
    's3',
    s3,
    [
      [ID, ID],
      [ID, ARN],
      [ID, `arn:aws-cn:kms:cn-north-1:111122223333:key/${ID}`],
      ['testkey-1', 'arn:aws:kms:testkey-1'],
      ['arn:aws:kms:testkey-1', 'arn:aws:kms:testkey-1'],
      ['alias/orders', 'arn:aws:kms:us-east-1:111122223333:alias/orders'],
    ],
    [
      [ID, ARN.slice(0, -1)],
      [ID, `x${ARN}`],
      ['testkey-1', 'testkey-11'],
      ['testkey-1', 'arn:aws:kms:other/testkey-1'],
      [ARN, ARN.replace('us-east-1', 'eu-west-1')],
      [ARN, ARN.replace('111122223333', '444455556666')],
      ['orders', 'arn:aws:kms:us-east-1:111122223333:alias/orders'],
      ['', ID],
    ],
  ],
  [
    'oss',
    oss,
    [
      [ID, ID],
      [ID, `acs:kms:cn-hangzhou:1234567890:key/${ID}`],
    ],
    [
      [ID, ARN],
      ['testkey-1', 'arn:aws:kms:testkey-1'],
      [`acs:kms:cn-hangzhou:1:key/${ID}`, `acs:kms:cn-beijing:1:key/${ID}`],
    ],
  ],
];
describe.each(STORES)('key ids of %s stores', (_name, spelling, same, different) => {
  test.each(same)('%s and %s are one key', (one, other) => {
    expect([spelling.same(one, other), spelling.same(other, one)]).toEqual([true, true]);
  });
  test.each(different)('%s and %s are two', (one, other) => {
    expect([spelling.same(one, other), spelling.same(other, one)]).toEqual([false, false]);
  });
});

test('an alias points at a key that only the store knows', () => {
  expect(['alias/x', 'arn:aws:kms:us-east-1:111122223333:alias/x', ID, ARN].map((id) => s3.isAlias(id))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
