import { expect, test } from 'vitest';
import { createRepeatedCompletes, type Completion } from '../../../src/gateway/memory/repeated-complete.ts';

const request = { bucket: 'b', key: 'k', uploadId: 'u', parts: [{ partNumber: 1, etag: '"AB"' }] };
const completion = { result: { etag: 'e-1' }, observed: undefined } as unknown as Completion;

function slowly(): {
  readonly begin: () => Promise<Completion>;
  readonly begun: () => number;
  end(failure?: Error): void;
} {
  let begun = 0;
  let settle: (failure?: Error) => void = () => undefined;
  const work = new Promise<Completion>((resolve, reject) => {
    settle = (failure) => (failure === undefined ? resolve(completion) : reject(failure));
  });
  return { begin: () => (begun++, work), begun: () => begun, end: (failure) => settle(failure) };
}

test('the same Complete is under way once, and everybody who asked gets its answer', async () => {
  const completes = createRepeatedCompletes();
  const slow = slowly();
  const both = [
    completes.once(request, undefined, slow.begin),
    completes.once({ ...request, parts: [{ partNumber: 1, etag: '"ab"' }] }, undefined, slow.begin),
  ];
  slow.end();
  expect(await Promise.all(both)).toEqual([completion, completion]);
  expect(slow.begun()).toBe(1);
  expect(completes.recall(request), 'everybody has heard').toBeUndefined();
});

test('what somebody did not hear is remembered, for this upload and these parts only', async () => {
  const completes = createRepeatedCompletes();
  const slow = slowly();
  const left = new AbortController();
  const work = completes.once(request, left.signal, slow.begin);
  left.abort();
  slow.end();
  await work;
  expect(completes.recall(request)).toBe(completion);
  for (const other of [{ uploadId: 'v' }, { key: 'l' }, { bucket: 'c' }, { parts: [] }, { parts: 'all' as const }])
    expect(completes.recall({ ...request, ...other })).toBeUndefined();
});

test('a failure is remembered by nobody: the next one begins again', async () => {
  const completes = createRepeatedCompletes();
  const slow = slowly();
  const work = completes.once(request, AbortSignal.abort(), slow.begin);
  slow.end(new Error('broken'));
  await expect(work).rejects.toThrow('broken');
  expect(completes.recall(request)).toBeUndefined();
  expect(await completes.once(request, undefined, () => Promise.resolve(completion))).toBe(completion);
});

test('there is an end to how many may be under way', async () => {
  const completes = createRepeatedCompletes();
  const slow = slowly();
  const all = Array.from({ length: 1000 }, (_, at) =>
    completes.once({ ...request, key: `k${at}` }, undefined, slow.begin),
  );
  await expect(completes.once({ ...request, key: 'one-more' }, undefined, slow.begin)).rejects.toMatchObject({
    code: 'SlowDown',
  });
  slow.end();
  await Promise.all(all);
  expect(await completes.once({ ...request, key: 'one-more' }, undefined, slow.begin)).toBe(completion);
});
