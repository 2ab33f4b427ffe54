import { describe, expect, test } from 'vitest';
import { jd } from '../../../../src/dialects/jd/index.ts';
import { JD_CAPABILITIES } from '../../../../src/dialects/jd/capabilities.ts';
import type { BucketRule, Encryption, ObservedEncryption, StoreKeyId } from '../../../../src/model/encryption.ts';
import type { StorageRequest } from '../../../../src/model/operations.ts';
import type { HeaderLines } from '../../../../src/wire/message.ts';
import { CONTEXT, TARGET, refusal, textOf, verified } from '../s3/requests.ts';
import type { Sketch } from '../s3/requests.ts';

const PUT: Sketch = { method: 'PUT', bucket: 'b1x', key: 'k' };
const HEAD = {
  operation: 'HeadObject',
  bucket: 'b1x',
  key: 'k',
  conditions: {},
  checksumMode: false,
  overrides: {},
} as const;
const STORE = { ...TARGET, capabilities: JD_CAPABILITIES };
const KMS: ObservedEncryption = { kind: 'kms', key: 'secret-id' as StoreKeyId, algorithm: 'AES256', layers: 1 };

function rule(apply: string, more = ''): Sketch {
  return {
    method: 'PUT',
    bucket: 'b1x',
    query: 'encryption',
    body: `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>${apply}</ApplyServerSideEncryptionByDefault>${more}</Rule></ServerSideEncryptionConfiguration>`,
  };
}

describe('JD clients', () => {
  test.each([
    ['x-amz-server-side-encryption', 'AES256'],
    ['x-aws-server-side-encryption', 'aws:kms'],
    ['x-amz-server-side-encryption', 'nonsense'],
    ['x-amz-server-side-encryption-aws-kms-key-id', 'k'],
  ])('%s: %s has no effect and is recorded', async (name, value) => {
    const decoded = await jd.decodeRequest(verified({ ...PUT, headers: [[name, value]] }));
    expect(decoded).toMatchObject({ wish: { state: 'absent', ignored: `${name}: ${value}` } });
  });

  test('of an encryption context only its presence is recorded', async () => {
    const headers: HeaderLines = [['x-amz-server-side-encryption-context', 'eyJwYXRpZW50IjoiNyJ9']];
    expect(await jd.decodeRequest(verified({ ...PUT, headers }))).toMatchObject({
      wish: { state: 'absent', ignored: 'x-amz-server-side-encryption-context' },
    });
  });

  test('a customer’s key is refused, and not recorded', async () => {
    const headers: HeaderLines = [['x-amz-server-side-encryption-customer-key', 'material']];
    const error = await refusal(() => jd.decodeRequest(verified({ ...PUT, headers })));
    expect(error.code).toBe('InvalidArgument');
    expect(JSON.stringify([error.message, error.details])).not.toContain('material');
  });

  test('an unknown member of the family is refused', async () => {
    const headers: HeaderLines = [['x-amz-server-side-encryption-strength', '11']];
    expect((await refusal(() => jd.decodeRequest(verified({ ...PUT, headers })))).code).toBe('InvalidArgument');
  });

  test.each<[ObservedEncryption, HeaderLines]>([
    [KMS, [['x-aws-server-side-encryption', 'aws:kms']]],
    [{ kind: 'managed', algorithm: 'AES256' }, [['x-aws-server-side-encryption', 'AES256']]],
    [{ kind: 'managed', algorithm: 'SM4' }, [['x-bucketseal-encryption', 'SM4']]],
    [{ kind: 'none' }, []],
  ])('are told %j in JD’s words', (encryption, expected) => {
    const result = { size: 1, etag: 'e', lastModified: 0, metadata: { user: {} }, encryption };
    const { headers } = jd.encodeResponse(HEAD, result, CONTEXT);
    expect(headers.filter(([name]) => name.includes('encryption'))).toEqual(expected);
  });

  test('set aws:kms on a bucket and nothing else', async () => {
    expect(await jd.decodeRequest(verified(rule('<SSEAlgorithm>aws:kms</SSEAlgorithm>')))).toMatchObject({
      rule: { kind: 'kms', key: 'default' },
    });
    for (const [request, code] of [
      [rule('<SSEAlgorithm>AES256</SSEAlgorithm>'), 'InvalidArgument'],
      [rule('<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>'), 'InvalidArgument'],
      [rule('<SSEAlgorithm>aws:kms</SSEAlgorithm>', '<BucketKeyEnabled>true</BucketKeyEnabled>'), 'MalformedXML'],
    ] as const)
      expect((await refusal(() => jd.decodeRequest(verified(request)))).code).toBe(code);
  });

  test('read the bucket’s rule without a key id, and 404 where there is none', async () => {
    const ask = (given: BucketRule | undefined) =>
      jd.encodeResponse({ operation: 'GetBucketEncryption', bucket: 'b1x' }, { rule: given }, CONTEXT);
    const named: BucketRule = { kind: 'kms', key: 'secret-id' as StoreKeyId, algorithm: 'AES256', layers: 1 };
    const document = await textOf(ask(named));
    expect(document).toContain('<SSEAlgorithm>aws:kms</SSEAlgorithm>');
    expect(document).not.toContain('secret-id');
    expect(ask(undefined).status).toBe(404);
  });

  test('see replication without KMS knobs', async () => {
    const replication = {
      rule: 'keep-source',
      kmsObjects: 'replicate',
      replicaKey: 'orders',
      targets: [{ bucket: 'copy', prefix: '', deletes: false }],
    } as const;
    const document = await textOf(
      jd.encodeResponse({ operation: 'GetBucketReplication', bucket: 'b1x' }, { replication }, CONTEXT),
    );
    expect(document).toContain('<Bucket>arn:aws:s3:::copy</Bucket>');
    expect(document).toContain('<Prefix></Prefix><Status>Enabled</Status>');
    expect(document).not.toMatch(/SourceSelectionCriteria|EncryptionConfiguration|Filter|DeleteMarker|orders/);
  });
});

describe('JD stores', () => {
  const put = (encryption: Encryption<StoreKeyId>): StorageRequest<'PutObject'> => ({
    operation: 'PutObject',
    bucket: 'b1x',
    key: 'k',
    wish: { state: 'absent' },
    metadata: { user: {} },
    conditions: {},
    encryption,
    body: { bytes: (async function* () {})(), length: 0 },
  });

  test('never get an encryption header on an object', () => {
    const { headers } = jd.encodeRequest(put({ kind: 'kms', key: 'default', algorithm: 'AES256', layers: 1 }), STORE);
    expect(headers.filter(([name]) => name.includes('encryption'))).toEqual([]);
  });

  test.each<Encryption<StoreKeyId>>([
    { kind: 'managed', algorithm: 'AES256' },
    { kind: 'kms', key: 'k' as StoreKeyId, algorithm: 'AES256', layers: 1 },
    { kind: 'kms', key: 'default', algorithm: 'SM4', layers: 1 },
  ])('are never asked for %j in vain', async (encryption) => {
    expect((await refusal(() => jd.encodeRequest(put(encryption), STORE))).code).toBe('NotImplemented');
  });

  test.each(['x-aws-server-side-encryption', 'x-amz-server-side-encryption'])('say it as %s', async (name) => {
    const request = put({ kind: 'none' });
    const answer = {
      status: 200,
      headers: [
        ['etag', '"e"'],
        [name, 'aws:kms'],
      ] as const,
      body: undefined,
    };
    expect((await jd.decodeResponse(request, answer)).encryption).toEqual({
      kind: 'kms',
      key: undefined,
      algorithm: 'AES256',
      layers: 1,
    });
  });
});
