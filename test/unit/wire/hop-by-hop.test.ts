import { expect, test } from 'vitest';
import { stripHopByHop } from '../../../src/wire/hop-by-hop.ts';

test('hop-by-hop headers go, those named in Connection too, the rest stays in order', () => {
  expect(
    stripHopByHop([
      ['host', 'h'],
      ['connection', 'Keep-Alive, X-Amz-Acl'],
      ['connection', 'authorization'],
      ['te', 'trailers'],
      ['x-amz-acl', 'private'],
      ['authorization', 'x'],
      ['transfer-encoding', 'chunked'],
      ['proxy-authorization', 'x'],
      ['http2-settings', 'x'],
      ['expect', '100-continue'],
      ['content-type', 'a'],
      ['content-type', 'b'],
    ]),
  ).toEqual([
    ['host', 'h'],
    ['content-type', 'a'],
    ['content-type', 'b'],
  ]);
});
