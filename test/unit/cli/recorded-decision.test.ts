import { expect, test } from 'vitest';
import { recordedDecisionOf } from '../../../src/cli/recorded-decision.ts';

const LINE = {
  kind: 'decision',
  who: 'AK',
  operation: 'UploadPart',
  bucket: 'orders',
  effective: 'kms orders',
  details: { inputs: { secure: true } },
};

test('what continues a write is not decided again: the line of its beginning is', () => {
  const continued = { ...LINE, details: { recorded: 'kms orders', demanded: 'kms orders' } };
  expect(recordedDecisionOf(JSON.stringify(continued))).toBe('other');
  expect(recordedDecisionOf(JSON.stringify({ ...LINE, operation: 'CreateMultipartUpload' }))).toMatchObject({
    operation: 'CreateMultipartUpload',
    wish: { state: 'absent' },
  });
});
