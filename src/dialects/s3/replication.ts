import type { ReplicationRules } from '../../model/objects.ts';
import { writeXml } from '../../wire/xml-document.ts';
import type { XmlNode } from '../../wire/xml-document.ts';
import { NAMESPACE } from './xml.ts';

/** How a variant of S3 writes `?replication` documents. */
export interface ReplicationWords {
  readonly encode: (rules: ReplicationRules) => string;
}

export const replication: ReplicationWords = { encode: (rules) => replicationDocument(rules, { kmsKnobs: true }) };

/** The gateway's own rule as a replication configuration. */
export function replicationDocument(rules: ReplicationRules, options: { readonly kmsKnobs: boolean }): string {
  return writeXml(
    [
      'ReplicationConfiguration',
      [
        ['Role', 'bucketseal'],
        ...rules.targets.map(({ bucket, prefix, deletes }, index): XmlNode => [
          'Rule',
          [
            ['ID', `rule-${index + 1}`],
            ['Priority', index + 1],
            ['Filter', [['Prefix', prefix]]],
            ['Status', 'Enabled'],
            ['DeleteMarkerReplication', [['Status', deletes ? 'Enabled' : 'Disabled']]],
            options.kmsKnobs ? sourceCriteria(rules) : undefined,
            [
              'Destination',
              [['Bucket', `arn:aws:s3:::${bucket}`], options.kmsKnobs ? replicaEncryption(rules) : undefined],
            ],
          ],
        ]),
      ],
    ],
    NAMESPACE,
  );
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
