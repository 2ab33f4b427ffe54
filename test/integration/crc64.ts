/** CRC-64/XZ of all bytes as OSS writes it, by the definition: nothing of the gateway's is used. */
export function crc64(bytes: Uint8Array): string {
  let [high, low] = [0xffffffff, 0xffffffff];
  for (const byte of bytes) {
    const index = (low ^ byte) & 0xff;
    low = (((low >>> 8) | (high << 24)) ^ (LOW[index] ?? 0)) >>> 0;
    high = ((high >>> 8) ^ (HIGH[index] ?? 0)) >>> 0;
  }
  return ((BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0)).toString();
}

const [HIGH, LOW] = tables();

/** The reflected polynomial of ECMA-182, 64 bits in two halves. */
function tables(): readonly [Uint32Array, Uint32Array] {
  const high = new Uint32Array(256);
  const low = new Uint32Array(256);
  for (let value = 0; value < 256; value += 1) {
    let crc = BigInt(value);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0xc96c5795d7870f42n : crc >> 1n;
    high[value] = Number(crc >> 32n);
    low[value] = Number(crc & 0xffffffffn);
  }
  return [high, low];
}
