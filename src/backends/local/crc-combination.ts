/** CRCs whose value for A‖B follows from those of A and B. All are reflected, with all-ones start and final inversion. */
export type CombinableCrc = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'CRC64XZ';

/** The CRC of the concatenation of parts, from each part's CRC and length in bytes. `CRC64XZ` is OSS's CRC64. */
export function combineCrcs(
  algorithm: CombinableCrc,
  parts: readonly { readonly crc: bigint; readonly size: number }[],
): bigint {
  const field = FIELDS[algorithm];
  // Parts mostly have one size: its power of x is worth keeping.
  const powers = new Map<number, bigint>();
  let combined = 0n;
  for (const { crc, size } of parts) {
    let power = powers.get(size);
    if (power === undefined) {
      power = powerOfX(field, BigInt(size) * 8n);
      powers.set(size, power);
    }
    combined = multiply(field, combined, power) ^ crc;
  }
  return combined;
}

/** The CRC32C of a few bytes (node:zlib has CRC32 only). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

interface Field {
  readonly width: bigint;
  /** Reflected: the lowest bit stands for the highest power of x. */
  readonly polynomial: bigint;
}

const FIELDS: Readonly<Record<CombinableCrc, Field>> = {
  CRC32: { width: 32n, polynomial: 0xedb88320n },
  CRC32C: { width: 32n, polynomial: 0x82f63b78n },
  CRC64NVME: { width: 64n, polynomial: 0x9a6c9329ac4bc9b5n },
  CRC64XZ: { width: 64n, polynomial: 0xc96c5795d7870f42n },
};

/** x^exponent modulo the polynomial, by squaring. */
function powerOfX(field: Field, exponent: bigint): bigint {
  let result = 1n << (field.width - 1n);
  let square = 1n << (field.width - 2n);
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = multiply(field, result, square);
    square = multiply(field, square, square);
  }
  return result;
}

function multiply(field: Field, a: bigint, b: bigint): bigint {
  let product = 0n;
  let shifted = b;
  for (let bit = 1n << (field.width - 1n); bit > 0n && a !== 0n; bit >>= 1n) {
    if ((a & bit) !== 0n) product ^= shifted;
    shifted = (shifted & 1n) === 1n ? (shifted >> 1n) ^ field.polynomial : shifted >> 1n;
  }
  return product;
}
