/** CRCs whose value over a whole can be computed from the values over its parts. */
export type CombinableCrc = 'CRC32' | 'CRC32C' | 'CRC64' | 'CRC64NVME';

/**
 * The CRC of `first` followed by `second` from the CRCs of both and the second's length in bytes: what a multipart
 * upload needs, since its parts are digested apart. Values are big-endian, as `createDigests` gives them.
 */
export function combineCrc(name: CombinableCrc, first: Uint8Array, second: Uint8Array, secondLength: number): Buffer {
  const { width, polynomial } = PARAMETERS[name];
  const field = { width, polynomial, one: 1n << BigInt(width - 1) };
  // crc(a‖b) = crc(a)·x^(8·|b|) + crc(b): pre- and post-conditioning cancel out for these CRCs.
  const shifted = multiply(toInteger(first), powerOfX(BigInt(secondLength) * 8n, field), field);
  return toBytes(shifted ^ toInteger(second), width / 8);
}

interface Field {
  readonly width: number;
  /** Reflected. */
  readonly polynomial: bigint;
  /** The polynomial 1, reflected. */
  readonly one: bigint;
}

const PARAMETERS: Readonly<Record<CombinableCrc, { readonly width: number; readonly polynomial: bigint }>> = {
  CRC32: { width: 32, polynomial: 0xedb88320n },
  CRC32C: { width: 32, polynomial: 0x82f63b78n },
  CRC64: { width: 64, polynomial: 0xc96c5795d7870f42n },
  CRC64NVME: { width: 64, polynomial: 0x9a6c9329ac4bc9b5n },
};

/** x^exponent modulo the polynomial, by squaring. */
function powerOfX(exponent: bigint, field: Field): bigint {
  let result = field.one;
  let square = field.one >> 1n;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = multiply(result, square, field);
    square = multiply(square, square, field);
  }
  return result;
}

/** Product modulo the polynomial; bit `width - 1` is the coefficient of x^0. */
function multiply(a: bigint, b: bigint, field: Field): bigint {
  let product = 0n;
  let factor = b;
  for (let bit = field.one; bit > 0n; bit >>= 1n) {
    if ((a & bit) !== 0n) product ^= factor;
    factor = (factor & 1n) === 1n ? (factor >> 1n) ^ field.polynomial : factor >> 1n;
  }
  return product;
}

function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function toBytes(value: bigint, length: number): Buffer {
  return Buffer.from(value.toString(16).padStart(length * 2, '0'), 'hex');
}
