import { DEFAULT_KEY } from '../../../model/encryption.ts';
import type { BucketRule, WireKeyId } from '../../../model/encryption.ts';
import { GatewayError } from '../../../model/errors.ts';
import { childOf, childText, childrenOf, writeXml } from '../../../wire/xml-document.ts';
import type { XmlElement } from '../../../wire/xml-document.ts';
import { WORDS, storeKeyId, wordOf } from './encryption.ts';
import { NAMESPACE, malformed } from './xml.ts';

/** How a variant of S3 writes `?encryption` documents. */
export interface BucketEncryptionWords {
  readonly decodeClient: (root: XmlElement) => BucketRule<WireKeyId>;
  readonly encodeClient: (rule: BucketRule<string>) => string;
  readonly encodeStore: (rule: BucketRule) => string;
  readonly decodeStore: (root: XmlElement) => BucketRule | undefined;
}

export const bucketEncryption: BucketEncryptionWords = {
  decodeClient: decodeRule,
  encodeClient: encodeRule,
  encodeStore: encodeRule,
  decodeStore: decodeStoreRule,
};

/** A client's document, strictly: exactly one Rule, and nothing that would be dropped in silence. */
function decodeRule(root: XmlElement): BucketRule<WireKeyId> {
  const rule = onlyRule(root);
  only(rule, ['ApplyServerSideEncryptionByDefault', 'BucketKeyEnabled', 'BlockedEncryptionTypes']);
  refuseBlocking(rule);
  const apply = childrenOf(rule, 'ApplyServerSideEncryptionByDefault');
  const [first] = apply;
  if (first === undefined || apply.length !== 1) throw malformed();
  only(first, ['SSEAlgorithm', 'KMSMasterKeyID']);
  const keyId = childText(first, 'KMSMasterKeyID');
  const word = WORDS[childText(first, 'SSEAlgorithm') ?? ''];
  if (word === undefined) throw malformed();
  const bucketKey = booleanOf(childText(rule, 'BucketKeyEnabled'));
  if (word.kind === 'managed') {
    if (keyId !== undefined)
      throw invalid('a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse');
    return word;
  }
  if (keyId === '') throw invalid('KMSMasterKeyID must not be empty.');
  if (bucketKey === true && word.layers === 2)
    throw invalid('BucketKeyEnabled is not supported for the default sse algorithm aws:kms:dsse');
  return {
    ...word,
    key: (keyId ?? DEFAULT_KEY) as WireKeyId | typeof DEFAULT_KEY,
    ...(bucketKey === undefined ? {} : { bucketKey }),
  };
}

/** S3's and JD's documents have no word for SM4. */
export function demandWordFor(rule: BucketRule<string>): void {
  if (rule.algorithm !== 'AES256')
    throw new GatewayError(
      'NotImplemented',
      `The bucket's default encryption uses ${rule.algorithm}, for which this API has no word.`,
    );
}

function encodeRule(rule: BucketRule<string>): string {
  demandWordFor(rule);
  return writeXml(
    [
      'ServerSideEncryptionConfiguration',
      [
        [
          'Rule',
          [
            [
              'ApplyServerSideEncryptionByDefault',
              [
                ['SSEAlgorithm', wordOf(rule)],
                rule.kind === 'kms' && rule.key !== DEFAULT_KEY ? ['KMSMasterKeyID', rule.key] : undefined,
              ],
            ],
            ['BucketKeyEnabled', rule.kind === 'kms' && rule.bucketKey === true],
          ],
        ],
      ],
    ],
    NAMESPACE,
  );
}

/** A store's document. Undefined only where there is no rule; a word that nobody knows is an error, never "no rule". */
export function decodeStoreRule(root: XmlElement): BucketRule | undefined {
  if (root.name !== 'ServerSideEncryptionConfiguration')
    throw new GatewayError('InternalError', 'The store answered something else than an encryption configuration.');
  const rule = childOf(root, 'Rule');
  const apply = rule === undefined ? undefined : childOf(rule, 'ApplyServerSideEncryptionByDefault');
  if (rule === undefined || apply === undefined) return undefined;
  const word = WORDS[childText(apply, 'SSEAlgorithm') ?? ''];
  if (word === undefined)
    throw new GatewayError('InternalError', "The store's bucket encryption uses an algorithm that is not known.");
  if (word.kind === 'managed') return word;
  const bucketKey = childText(rule, 'BucketKeyEnabled');
  return {
    ...word,
    key: storeKeyId(childText(apply, 'KMSMasterKeyID')) ?? DEFAULT_KEY,
    ...(bucketKey === undefined ? {} : { bucketKey: bucketKey === 'true' }),
  };
}

/** The one Rule of a `ServerSideEncryptionConfiguration`. */
export function onlyRule(root: XmlElement): XmlElement {
  const [rule, second] = root.children;
  if (root.name !== 'ServerSideEncryptionConfiguration' || rule?.name !== 'Rule' || second !== undefined)
    throw malformed();
  return rule;
}

function refuseBlocking(rule: XmlElement): void {
  const blocked = childrenOf(rule, 'BlockedEncryptionTypes');
  if (blocked.length > 1) throw malformed();
  for (const type of blocked[0]?.children ?? []) {
    if (type.name !== 'EncryptionType' || (type.text !== 'NONE' && type.text !== 'SSE-C')) throw malformed();
    if (type.text === 'SSE-C')
      throw new GatewayError(
        'NotImplemented',
        'BlockedEncryptionTypes: blocking SSE-C by bucket rule is not implemented; the gateway policy decides who may use SSE-C.',
      );
  }
}

function only(element: XmlElement, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const { name } of element.children) {
    if (!names.includes(name) || seen.has(name)) throw malformed();
    seen.add(name);
  }
}

function booleanOf(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text !== 'true' && text !== 'false') throw malformed();
  return text === 'true';
}

function invalid(message: string): GatewayError {
  return new GatewayError('InvalidArgument', message, {
    details: { ArgumentName: 'ApplyServerSideEncryptionByDefault' },
  });
}
