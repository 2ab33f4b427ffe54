import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { LocalStore } from '../../../../src/backends/local/store.ts';
import type { SealedPart } from '../../../../src/model/seal.ts';
import {
  BODY,
  codeOf,
  crc64,
  drain,
  errorOf,
  get,
  openWithBucket,
  plainContent,
  put,
  run,
  sealedBytes,
  sealedContent,
  sealedPart,
  sealHeader,
  WHOLE_READ,
  WHOLE_WRITE,
} from './support.ts';

const log = { bucket: 'photos', key: 'log' } as const;

function append(store: LocalStore, position: number, data: Buffer | string, more: object = {}) {
  const content = plainContent([Buffer.from(data)]);
  return run(store, { operation: 'AppendObject', ...log, ...WHOLE_WRITE, body: BODY, content, position, ...more });
}

describe('append', () => {
  test('grows an object and combines its CRC64', async () => {
    const store = await openWithBucket();
    const data = [randomBytes(300_000), randomBytes(1), randomBytes(77)];
    let position = 0;
    for (const chunk of data) position = (await append(store, position, chunk)).nextPosition;
    const whole = Buffer.concat(data);
    expect(position).toBe(whole.length);
    expect(await get(store, 'log')).toEqual(whole);
    expect(await get(store, 'log', { range: { kind: 'from', first: 299_999, last: 300_001 } })).toEqual(
      whole.subarray(299_999, 300_002),
    );
    const head = await run(store, { operation: 'HeadObject', ...log, ...WHOLE_READ });
    expect(head).toMatchObject({ type: 'Appendable', appendPosition: whole.length, crc64: crc64(whole).toString() });
    expect(await store.sealed.appendable('photos', 'log')).toMatchObject({
      size: whole.length,
      appendable: true,
      record: undefined,
    });
  });

  test('names the position where it would have gone on', async () => {
    const store = await openWithBucket();
    const first = await errorOf(append(store, 5, 'x'));
    expect([first.code, first.details['nextAppendPosition']]).toEqual(['PositionNotEqualToLength', 0]);
    await append(store, 0, 'hello');
    const second = await errorOf(append(store, 0, 'x'));
    expect([second.code, second.details['nextAppendPosition']]).toEqual(['PositionNotEqualToLength', 5]);
    await put(store, 'log', 'normal');
    expect(await codeOf(append(store, 6, 'x'))).toBe('ObjectNotAppendable');
    expect((await get(store, 'log')).toString()).toBe('normal');
  });

  test('of many appends at one position exactly one wins', async () => {
    const store = await openWithBucket();
    await append(store, 0, '>');
    const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd'].map((letter) => append(store, 1, letter)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await get(store, 'log')).length).toBe(2);
    await expect.poll(async () => (await store.scrub()).files).toBe(2);
  });

  test('the first append decides metadata; a sealed one goes on under its seal only', async () => {
    const store = await openWithBucket();
    const header = sealHeader({ mode: 'managed', keyAlias: '' });
    const parts: SealedPart[] = [];
    const sealed = (data: Buffer) => {
      const next = [...parts, sealedPart(data, parts.length + 1)];
      const size = next.reduce((sum, part) => sum + part.plaintextLength, 0);
      const seal = { ...header, parts: next, size, sealedMeta: '', mac: '' };
      return { next, content: sealedContent(data, ({ digests }) => ({ digests, etag: `e${next.length}`, seal })) };
    };
    const one = sealed(Buffer.from('one'));
    await append(store, 0, '', { content: one.content, metadata: { user: { by: 'first' } } });
    parts.push(...one.next);
    expect(await codeOf(append(store, 3, 'plain'))).toBe('InternalError');
    // The seal's MAC covers the metadata, so the gateway must get back exactly what the first append set.
    expect(await store.sealed.appendable('photos', 'log')).toMatchObject({
      metadata: { user: { by: 'first' } },
      record: { parts },
    });
    const two = sealed(Buffer.from('two!'));
    const result = await append(store, 3, '', { content: two.content, metadata: { user: { by: 'second' } } });
    expect(result).toMatchObject({ nextPosition: 7, etag: 'e2', encryption: { kind: 'managed', algorithm: 'AES256' } });
    const answer = await run(store, { operation: 'GetObject', ...log, ...WHOLE_READ });
    expect(answer.metadata.user).toEqual({ by: 'first' });
    if (answer.content.kind !== 'sealed') throw new Error('not sealed');
    const [, last] = answer.content.record.parts;
    if (last === undefined) throw new Error('no second part');
    expect(await drain(answer.content.read(last, 0, last.ciphertextLength - 1))).toEqual(
      sealedBytes(Buffer.from('two!')),
    );
    await answer.content.close();
    expect(await codeOf(append(store, 7, '', { content: sealed(Buffer.from('stale')).content }))).toBe(
      'PositionNotEqualToLength',
    );
  });
});
