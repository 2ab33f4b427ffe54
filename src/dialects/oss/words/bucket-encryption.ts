import { DEFAULT_KEY, type BucketRule, type WireKeyId } from '../../../model/encryption.ts';
import { GatewayError } from '../../../model/errors.ts';
import { childOf, type XmlElement, type XmlNode } from '../../../wire/xml-document.ts';
import { algorithmOf, dataAlgorithmOf, keyNotApplicable } from './encryption.ts';

const KNOWN: readonly string[] = ['SSEAlgorithm', 'KMSMasterKeyID', 'KMSDataEncryption'];
const BUCKET_MESSAGE = 'The Encryption request you specified is not valid. Supported value: AES256/SM4/KMS.';

/** `<ServerSideEncryptionRule>` of PutBucketEncryption; elements in any order, each SDK has its own. */
export function decodeBucketRule(root: XmlElement): BucketRule<WireKeyId> {
  const holder =
    root.name === 'ServerSideEncryptionRule' ? childOf(root, 'ApplyServerSideEncryptionByDefault') : undefined;
  if (holder === undefined || root.children.length !== 1) throw malformed();
  return ruleOf(holder);
}

/** A store's rule: nested in GetBucketEncryption, flat in GetBucketInfo, where `None` means that there is none. */
export function decodeStoredRule(rule: XmlElement): BucketRule | undefined {
  const holder = childOf(rule, 'ApplyServerSideEncryptionByDefault') ?? rule;
  const algorithm = childOf(holder, 'SSEAlgorithm')?.text.trim() ?? '';
  if (algorithm === '' || algorithm === 'None') return undefined;
  // What else stands there is the store's business: only words that change the rule are read.
  const known = holder.children.filter(({ name }) => KNOWN.includes(name));
  return ruleOf({ ...holder, children: known }) as BucketRule<string> as BucketRule;
}

/** The document of PUT and GET ?encryption. */
export function encodeBucketRule(rule: BucketRule): XmlNode {
  return ['ServerSideEncryptionRule', [['ApplyServerSideEncryptionByDefault', ruleElements(rule)]]];
}

/** The flat form inside GetBucketInfo. */
export function encodeFlatRule(rule: BucketRule | undefined): XmlNode {
  return ['ServerSideEncryptionRule', rule === undefined ? [['SSEAlgorithm', 'None']] : ruleElements(rule)];
}

function ruleElements(rule: BucketRule): readonly (XmlNode | undefined)[] {
  if (rule.kind === 'managed') return [['SSEAlgorithm', rule.algorithm]];
  if (rule.layers !== 1)
    throw new GatewayError(
      'InvalidArgument',
      "The bucket's rule is two layers of KMS encryption (S3's aws:kms:dsse), which OSS cannot express.",
    );
  return [
    ['SSEAlgorithm', 'KMS'],
    ['KMSMasterKeyID', rule.key === DEFAULT_KEY ? '' : rule.key],
    rule.algorithm === 'SM4' ? ['KMSDataEncryption', 'SM4'] : undefined,
  ];
}

function ruleOf(holder: XmlElement): BucketRule<WireKeyId> {
  const names = holder.children.map((child) => child.name);
  if (
    !names.includes('SSEAlgorithm') ||
    names.some((name, index) => !KNOWN.includes(name) || names.indexOf(name) !== index)
  )
    throw malformed();
  const text = (name: string): string | undefined => {
    const value = childOf(holder, name)?.text.trim();
    return value === '' ? undefined : value;
  };
  const algorithm = algorithmOf(text('SSEAlgorithm') ?? '', BUCKET_MESSAGE);
  const key = text('KMSMasterKeyID');
  const data = dataAlgorithmOf(text('KMSDataEncryption'));
  if (algorithm === 'KMS')
    return { kind: 'kms', key: key === undefined ? DEFAULT_KEY : (key as WireKeyId), algorithm: data, layers: 1 };
  if (key !== undefined) throw keyNotApplicable();
  // AES256 or SM4 with KMSDataEncryption: accepted and dropped by OSS.
  return { kind: 'managed', algorithm };
}

function malformed(): GatewayError {
  return new GatewayError(
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema.',
  );
}
