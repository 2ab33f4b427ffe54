import { DEFAULT_KEY } from '../../model/encryption.ts';
import type { BucketRule, Encryption, ObservedEncryption, StoreKeyId } from '../../model/encryption.ts';
import { GatewayError } from '../../model/errors.ts';
import { headerOf } from '../../wire/message.ts';
import type { HeaderLines } from '../../wire/message.ts';
import { childText, writeXml } from '../../wire/xml-document.ts';
import type { XmlElement } from '../../wire/xml-document.ts';
import type { VerifiedRequest } from '../dialect.ts';
import { decodeStoreRule, demandWordFor, onlyRule } from '../s3/words/bucket-encryption.ts';
import type { BucketEncryptionWords } from '../s3/words/bucket-encryption.ts';
import { familyFields, notSupported } from '../s3/words/encryption-family.ts';
import { FOREIGN_ENCRYPTION } from '../s3/words/encryption.ts';
import type { ClientEncryption, ObjectEncryptionWords } from '../s3/words/encryption.ts';
import { NAMESPACE, malformed } from '../s3/words/xml.ts';

/** JD encrypts by bucket rule only: a header on an object has no effect, and answers say `x-aws-…` (aws, not amz). */
export const jdObjectEncryption: ObjectEncryptionWords = {
  decodeClient,
  encodeClient,
  encodeStore,
  decodeStore,
  canExpress: (encryption) =>
    encryption.kind === 'none' || (encryption.kind !== 'customer' && encryption.algorithm === 'AES256'),
};

/** `PUT ?encryption` takes `aws:kms` without a key id and nothing else. */
export const jdBucketEncryption: BucketEncryptionWords = {
  decodeClient: decodeRule,
  encodeClient: (rule) => encodeRule(rule),
  encodeStore: (rule) => {
    if (rule.kind !== 'kms' || rule.key !== DEFAULT_KEY || rule.algorithm !== 'AES256' || rule.layers !== 1)
      throw new GatewayError('InvalidArgument', 'The store encrypts buckets with its own KMS key only.');
    return encodeRule(rule);
  },
  decodeStore: decodeStoreRule,
};

const JD_SSE = 'x-aws-server-side-encryption';
const AMZ_SSE = 'x-amz-server-side-encryption';
// Either spelling, with the parameters that S3 knows; anything else of the family is unknown and refused.
const IGNORED = /^x-(?:aws|amz)-server-side-encryption(?:-aws-kms-key-id|-context|-bucket-key-enabled)?$/;

function decodeClient(request: VerifiedRequest): ClientEncryption {
  const fields = familyFields(request.wire);
  for (const field of fields) {
    if (/-customer-(?:algorithm|key|key-md5)$/.test(field[0]))
      throw new GatewayError(
        'InvalidArgument',
        'Server Side Encryption with Customer provided keys is not supported.',
        {
          details: { ArgumentName: field[0] },
        },
      );
    if (!IGNORED.test(field[0])) throw notSupported(field);
  }
  if (fields.length === 0) return { wish: { state: 'absent' } };
  return { wish: { state: 'absent', ignored: fields.map(recorded).join(', ') } };
}

/** A context may hold personal data: that it was there is enough. */
function recorded([name, value]: readonly [name: string, value: string]): string {
  return name.endsWith('-context') ? name : `${name}: ${value}`;
}

function encodeClient(observed: ObservedEncryption<string> | undefined): HeaderLines {
  if (observed === undefined || observed.kind === 'none') return [];
  if (observed.kind === 'customer') return [[FOREIGN_ENCRYPTION, 'customer']];
  if (observed.algorithm !== 'AES256') return [[FOREIGN_ENCRYPTION, observed.algorithm]];
  return [[JD_SSE, observed.kind === 'managed' ? 'AES256' : 'aws:kms']];
}

/** No header on an object has an effect there: whoever needs one must be told, not obeyed in appearance. */
function encodeStore(encryption: Encryption<StoreKeyId> | undefined): HeaderLines {
  const byRule =
    encryption?.kind === 'kms' &&
    encryption.key === DEFAULT_KEY &&
    encryption.algorithm === 'AES256' &&
    encryption.layers === 1;
  if (encryption === undefined || encryption.kind === 'none' || byRule) return [];
  throw new GatewayError('NotImplemented', 'The store encrypts by bucket rule only, with its own KMS key.');
}

function decodeStore(headers: HeaderLines): ObservedEncryption | undefined {
  switch (headerOf(headers, JD_SSE) ?? headerOf(headers, AMZ_SSE)) {
    case 'aws:kms':
      return { kind: 'kms', key: undefined, algorithm: 'AES256', layers: 1 };
    case 'AES256':
      return { kind: 'managed', algorithm: 'AES256' };
    default:
      return undefined;
  }
}

function decodeRule(root: XmlElement): Extract<BucketRule<never>, { kind: 'kms' }> {
  const rule = onlyRule(root);
  const [apply, second] = rule.children;
  if (apply?.name !== 'ApplyServerSideEncryptionByDefault' || second !== undefined) throw malformed();
  if (apply.children.some(({ name }) => name !== 'SSEAlgorithm' && name !== 'KMSMasterKeyID')) throw malformed();
  const algorithm = childText(apply, 'SSEAlgorithm');
  if (algorithm !== 'aws:kms')
    throw new GatewayError('InvalidArgument', 'The only supported SSEAlgorithm is aws:kms.', {
      details: { ArgumentName: 'SSEAlgorithm', ArgumentValue: algorithm ?? '' },
    });
  const key = childText(apply, 'KMSMasterKeyID');
  if (key !== undefined)
    throw new GatewayError('InvalidArgument', 'KMSMasterKeyID is not supported: the key is chosen by the service.', {
      details: { ArgumentName: 'KMSMasterKeyID', ArgumentValue: key },
    });
  return { kind: 'kms', key: DEFAULT_KEY, algorithm: 'AES256', layers: 1 };
}

function encodeRule(rule: BucketRule<string>): string {
  demandWordFor(rule);
  const algorithm = rule.kind === 'managed' ? 'AES256' : 'aws:kms';
  return writeXml(
    [
      'ServerSideEncryptionConfiguration',
      [['Rule', [['ApplyServerSideEncryptionByDefault', [['SSEAlgorithm', algorithm]]]]]],
    ],
    NAMESPACE,
  );
}
