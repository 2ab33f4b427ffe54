import type { ReplicationRules } from '../../../model/objects.ts';
import { writeXml } from '../../../wire/xml-document.ts';
import type { XmlNode } from '../../../wire/xml-document.ts';
import { NAMESPACE } from './xml.ts';

/** How a variant of S3 writes `?replication` documents. */
export interface ReplicationWords {
  readonly encode: (rules: ReplicationRules) => string;
}

export const replication: ReplicationWords = { encode: (rules) => replicationDocument(rules, { version: 2 }) };

/**
 * The gateway's own rule as a replication configuration. Version 1 of S3's document has a bare prefix, no priorities,
 * nothing on deletes and no KMS knobs.
 */
export function replicationDocument(rules: ReplicationRules, options: { readonly version: 1 | 2 }): string {
  const rule = options.version === 1 ? ruleOfVersion1 : ruleOfVersion2;
  return writeXml(
    [
      'ReplicationConfiguration',
      [['Role', 'bucketseal'], ...rules.targets.map((target, index): XmlNode => ['Rule', rule(target, index, rules)])],
    ],
    NAMESPACE,
  );
}

type Target = ReplicationRules['targets'][number];
type RuleChildren = readonly (XmlNode | undefined)[];

function ruleOfVersion1({ bucket, prefix }: Target, index: number): RuleChildren {
  return [
    ['ID', `rule-${index + 1}`],
    ['Prefix', prefix],
    ['Status', 'Enabled'],
    ['Destination', [['Bucket', arnOf(bucket)]]],
  ];
}

function ruleOfVersion2({ bucket, prefix, deletes }: Target, index: number, rules: ReplicationRules): RuleChildren {
  return [
    ['ID', `rule-${index + 1}`],
    ['Priority', index + 1],
    ['Filter', [['Prefix', prefix]]],
    ['Status', 'Enabled'],
    ['DeleteMarkerReplication', [['Status', deletes ? 'Enabled' : 'Disabled']]],
    sourceCriteria(rules),
    ['Destination', [['Bucket', arnOf(bucket)], replicaEncryption(rules)]],
  ];
}

function arnOf(bucket: string): string {
  return `arn:aws:s3:::${bucket}`;
}

/** Only `keep-source` distinguishes KMS objects; S3 demands SseKmsEncryptedObjects wherever criteria stand. */
function sourceCriteria(rules: ReplicationRules): XmlNode | undefined {
  if (rules.rule !== 'keep-source') return undefined;
  const status = rules.kmsObjects === 'replicate' ? 'Enabled' : 'Disabled';
  return ['SourceSelectionCriteria', [['SseKmsEncryptedObjects', [['Status', status]]]]];
}

function replicaEncryption(rules: ReplicationRules): XmlNode | undefined {
  if (rules.rule !== 'keep-source' || rules.kmsObjects !== 'replicate' || rules.replicaKey === undefined)
    return undefined;
  return ['EncryptionConfiguration', [['ReplicaKmsKeyID', rules.replicaKey]]];
}
