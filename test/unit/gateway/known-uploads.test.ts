import { expect, test } from 'vitest';
import { createKnownUploads } from '../../../src/gateway/memory/known-uploads.ts';

const named = (storeUploadId: string) => ({ store: 's', bucket: 'b', storeUploadId });

test('an id is known for its store and bucket, until the upload has ended', () => {
  const known = createKnownUploads();
  known.noteIssued(named('1'), 'issued');
  expect(known.issuedId(named('1'))).toBe('issued');
  expect(known.issuedId({ ...named('1'), store: 'other' })).toBeUndefined();
  expect(known.issuedId({ ...named('1'), bucket: 'other' })).toBeUndefined();
  known.forget(named('1'));
  expect(known.issuedId(named('1'))).toBeUndefined();
});

test('memory is bounded: what was not heard of for longest is forgotten', () => {
  const known = createKnownUploads();
  known.noteIssued(named('kept'), 'kept');
  known.noteIssued(named('lost'), 'lost');
  for (let i = 0; i < 9_999; i++) {
    if (i === 5_000) known.noteIssued(named('kept'), 'kept');
    known.noteIssued(named(String(i)), 'x');
  }
  expect(known.issuedId(named('kept'))).toBe('kept');
  expect(known.issuedId(named('lost'))).toBeUndefined();
});
