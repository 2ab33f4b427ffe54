import type { KeySpelling } from '../../../model/encryption.ts';

/** Alibaba KMS: `acs:kms:<region>:<account>:key/<id>`; OSS itself speaks of CMK ids. */
const KEY_ARN = /^acs:kms:[^:]+:[^:]+:key\/(.+)$/;

/** A key is named by its CMK id, its ARN, or an alias that only Alibaba's KMS resolves. */
export const keySpelling: KeySpelling = {
  plain,
  same: (one, other) => one === other || (plain(one) === plain(other) && !(KEY_ARN.test(one) && KEY_ARN.test(other))),
  isAlias: (id) => id.startsWith('alias/'),
};

function plain(id: string): string {
  return KEY_ARN.exec(id)?.[1] ?? id;
}
