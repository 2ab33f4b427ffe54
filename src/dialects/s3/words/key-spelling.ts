import type { KeySpelling } from '../../../model/encryption.ts';

/** AWS KMS developer guide, "Key ARN": partition, region and account stand before the id. */
const KEY_ARN = /^arn:[a-z0-9-]+:kms:[a-z0-9-]*:[0-9]*:key\/(.+)$/;
/** AWS KMS developer guide, "Alias ARN". */
const ALIAS_ARN = /^arn:[a-z0-9-]+:kms:[a-z0-9-]*:[0-9]*:(alias\/.+)$/;
/** MinIO (docs/kms/IAM.md): its own prefix before a key's name; PutObject answers without it, HEAD with it. */
const PREFIXED_NAME = /^arn:aws:kms:([^:]+)$/;

/** A key is named by its id, its ARN, MinIO's prefixed name, or an alias that only the store's KMS resolves. */
export const keySpelling: KeySpelling = {
  plain,
  same: (one, other) =>
    one === other || (plain(one) === plain(other) && !(hasAccountAndRegion(one) && hasAccountAndRegion(other))),
  isAlias: (id) => plain(id).startsWith('alias/'),
};

/** MinIO's key names as its clients write them; a real ARN has more colons and stays. */
export function withoutPrefix(id: string): string {
  return PREFIXED_NAME.exec(id)?.[1] ?? id;
}

function plain(id: string): string {
  return KEY_ARN.exec(id)?.[1] ?? ALIAS_ARN.exec(id)?.[1] ?? withoutPrefix(id);
}

/** Two ARNs of one id in different accounts or regions are two keys (multi-Region keys share their id). */
function hasAccountAndRegion(id: string): boolean {
  return KEY_ARN.test(id) || ALIAS_ARN.test(id);
}
