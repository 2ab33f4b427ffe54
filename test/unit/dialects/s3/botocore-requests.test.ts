import { describe, expect, test } from 'vitest';
import { verifyS3 } from '../../../../src/dialects/s3/verification.ts';
import { parseBasicDate } from '../../../../src/wire/http-date.ts';
import vectors from '../../../vectors/s3/botocore-requests.json' with { type: 'json' };
import { credentialOf, readAll, refusalOf, refusalOfReading, verifyContext, wireRequest } from './signed-requests.ts';

const credential = credentialOf(vectors.accessKeyId, vectors.secretAccessKey);

type Recorded = (typeof vectors.cases)[number];

function verify(recorded: Recorded, body = Buffer.from(recorded.body, 'base64')) {
  const headers = recorded.headers as Record<string, string>;
  const now = parseBasicDate(headers['x-amz-date'] ?? '') ?? 0;
  return verifyS3(wireRequest({ ...recorded, headers, body: [body] }), verifyContext(now, [credential]));
}

describe('requests as boto3 sends them', () => {
  test.each(vectors.cases)('$name is verified and its payload comes out', async (recorded) => {
    const { bucket, key, body } = verify(recorded);
    expect(bucket).toBe('bucket-one');
    expect(key).toBe(recorded.key ?? undefined);
    expect((await readAll(body.bytes)).toString('base64')).toBe(recorded.content);
    if (recorded.method === 'PUT') expect(body.checksum?.value()).toMatch(/=$/);
  });

  test.each(vectors.cases)('$name is refused with another method, key, or payload', async (recorded) => {
    expect(refusalOf(() => verify({ ...recorded, method: 'DELETE' })).code).toBe('SignatureDoesNotMatch');
    expect(refusalOf(() => verify({ ...recorded, target: recorded.target.replace(/(\?|$)/, 'x$1') })).code).toBe(
      'SignatureDoesNotMatch',
    );
    if (recorded.content === '') return;
    const content = Buffer.from(recorded.content, 'base64').toString('latin1');
    const changed = Buffer.from(recorded.body, 'base64')
      .toString('latin1')
      .replace(content, content.replace(/^./, 'X'));
    expect(['BadDigest', 'XAmzContentSHA256Mismatch']).toContain(
      (await refusalOfReading(verify(recorded, Buffer.from(changed, 'latin1')).body.bytes)).code,
    );
  });
});
