import { describe, expect, test } from 'vitest';
import { plan } from '../../../src/gateway/uploads/join-parts.ts';
import type { KeptPart } from '../../../src/gateway/uploads/kept-part.ts';

const MIB = 1024 * 1024;
const MINIMUM = 5 * MIB;

function kept(partNumber: number, size: number): KeptPart {
  return {
    storeUploadId: 'u',
    partNumber,
    size,
    etag: partNumber.toString(16).padStart(32, '0'),
    lastModified: 0,
    objectKey: `k${partNumber}`,
  };
}

function listed(parts: readonly KeptPart[]): { partNumber: number; etag: string }[] {
  return parts.map(({ partNumber, etag }) => ({ partNumber, etag: etag.toUpperCase() }));
}

describe('joining parts that are too small for the store', () => {
  test('groups follow the order, keep every byte, and only the last may be small', () => {
    const parts = Array.from({ length: 40 }, (_, index) => kept(index + 1, MIB));
    const pieces = plan(listed(parts), parts, MINIMUM);
    const sizes = pieces.map((piece) => (piece.kind === 'joined' ? piece.size : 0));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(40 * MIB);
    expect(sizes.slice(0, -1).every((size) => size >= MINIMUM)).toBe(true);
    expect(
      pieces.flatMap((piece) => (piece.kind === 'joined' ? piece.members.map(({ partNumber }) => partNumber) : [])),
    ).toEqual(parts.map(({ partNumber }) => partNumber));
  });

  test('a short tail before a native part goes with the group before it', () => {
    const parts = [...Array.from({ length: 16 }, (_, index) => kept(index + 1, MIB)), kept(17, MIB)];
    const pieces = plan([...listed(parts), { partNumber: 18, etag: 'native' }], parts, MINIMUM);
    expect(pieces).toMatchObject([
      { kind: 'joined', partNumber: 1, size: 17 * MIB },
      { kind: 'native', partNumber: 18, etag: 'native' },
    ]);
  });

  test('a small part alone before a large one cannot be joined, and the refusal says so', () => {
    const small = kept(2, MIB);
    expect(() =>
      plan([{ partNumber: 1, etag: 'a' }, ...listed([small]), { partNumber: 3, etag: 'b' }], [small], MINIMUM),
    ).toThrow(/part 2 stands alone/);
  });

  test('the client chooses the attempt, and parts must ascend', () => {
    const [old, fresh] = [kept(1, MIB), { ...kept(1, 2 * MIB), etag: 'f'.repeat(32) }];
    expect(plan(listed([fresh]), [old, fresh], MINIMUM)).toMatchObject([{ size: 2 * MIB }]);
    expect(() => plan([...listed([fresh]), ...listed([old])], [old, fresh], MINIMUM)).toThrow(/ascending/);
  });
});
