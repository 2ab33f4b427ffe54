/** CRCs whose value over a whole can be computed from the values over its parts. `CRC64` is CRC-64/XZ, as OSS computes it. */
export type CombinableCrc = 'CRC32' | 'CRC32C' | 'CRC64' | 'CRC64NVME';

/** One of consecutive runs of bytes: its CRC, big-endian as `createDigests` gives it, and its length in bytes. */
export interface CrcRun {
  readonly value: Uint8Array;
  readonly length: number;
}

/**
 * The CRC of consecutive runs from the CRC of each: what a multipart upload and an append need, since their parts are
 * digested apart. Some microseconds a run, whatever its length, so ten thousand parts do not hold up the event loop.
 */
export function combineCrcs(name: CombinableCrc, runs: Iterable<CrcRun>): Buffer {
  const field = FIELDS[name];
  let whole: Polynomial = ZERO;
  // Parts mostly have one size.
  let shift: { readonly length: number; readonly power: Polynomial } | undefined;
  for (const { value, length } of runs) {
    if (shift?.length !== length) shift = { length, power: powerOfX(field, length) };
    // crc(a‖b) = crc(a)·x^(8·|b|) + crc(b): pre- and post-conditioning cancel out for these CRCs.
    const moved = multiply(field, whole, shift.power);
    const added = toPolynomial(value);
    whole = { high: moved.high ^ added.high, low: moved.low ^ added.low };
  }
  return toBytes(field, whole);
}

/** The CRC32C of a few bytes, big-endian, at once; `createDigests` is for many. */
export function crc32c(bytes: Uint8Array): Buffer {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ CRC32C_POLYNOMIAL : crc >>> 1;
  }
  return toBytes(FIELDS.CRC32C, { high: ~crc, low: 0 });
}

/** Two words, because BigInt is a hundred times slower. The topmost bit is the coefficient of x^0; 32-bit CRCs leave `low` at 0. */
interface Polynomial {
  readonly high: number;
  readonly low: number;
}

interface Field {
  readonly width: 32 | 64;
  /** Reflected, without the term of the highest degree. */
  readonly modulus: Polynomial;
  /** x^(2^n) at index n, as far as anybody has asked. */
  readonly squares: Polynomial[];
}

const ZERO: Polynomial = { high: 0, low: 0 };
const ONE: Polynomial = { high: 0x80000000, low: 0 };
const X: Polynomial = { high: 0x40000000, low: 0 };
const CRC32C_POLYNOMIAL = 0x82f63b78;
/** x^8 is x^(2^3): the shift of one byte. */
const BYTE_SQUARE = 3;

const FIELDS: Readonly<Record<CombinableCrc, Field>> = {
  CRC32: { width: 32, modulus: { high: 0xedb88320, low: 0 }, squares: [X] },
  CRC32C: { width: 32, modulus: { high: CRC32C_POLYNOMIAL, low: 0 }, squares: [X] },
  CRC64: { width: 64, modulus: { high: 0xc96c5795, low: 0xd7870f42 }, squares: [X] },
  CRC64NVME: { width: 64, modulus: { high: 0x9a6c9329, low: 0xac4bc9b5 }, squares: [X] },
};

/** x^(8·length). */
function powerOfX(field: Field, length: number): Polynomial {
  let power = ONE;
  for (let left = length, n = BYTE_SQUARE; left > 0; left = Math.floor(left / 2), n++)
    if (left % 2 === 1) power = multiply(field, power, squareOf(field, n));
  return power;
}

function squareOf(field: Field, n: number): Polynomial {
  let square = field.squares.at(-1) ?? X;
  while (field.squares.length <= n) {
    square = multiply(field, square, square);
    field.squares.push(square);
  }
  return field.squares[n] ?? square;
}

function multiply(field: Field, a: Polynomial, b: Polynomial): Polynomial {
  const { width, modulus } = field;
  let [high, low] = [0, 0];
  let { high: factorHigh, low: factorLow } = b;
  for (let bit = 0; bit < width; bit++) {
    const word = bit < 32 ? a.high : a.low;
    if (((word >>> (31 - (bit & 31))) & 1) === 1) {
      high ^= factorHigh;
      low ^= factorLow;
    }
    const carry = (width === 32 ? factorHigh : factorLow) & 1;
    if (width === 64) factorLow = (factorLow >>> 1) | (factorHigh << 31);
    factorHigh >>>= 1;
    if (carry === 1) {
      factorHigh ^= modulus.high;
      factorLow ^= modulus.low;
    }
  }
  return { high, low };
}

function toPolynomial(value: Uint8Array): Polynomial {
  const words = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return { high: words.getUint32(0), low: value.length > 4 ? words.getUint32(4) : 0 };
}

function toBytes(field: Field, { high, low }: Polynomial): Buffer {
  const bytes = Buffer.alloc(field.width / 8);
  bytes.writeUInt32BE(high >>> 0, 0);
  if (field.width === 64) bytes.writeUInt32BE(low >>> 0, 4);
  return bytes;
}
