/** `lp(x1..xn)`: each item as u32be length and its UTF-8 bytes. Injective: no two lists share an encoding. */
export function lengthPrefixed(items: readonly string[]): Buffer {
  const sizes = items.map((item) => Buffer.byteLength(item, 'utf8'));
  const encoded = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + 4 + size, 0));
  let offset = 0;
  for (const [index, item] of items.entries()) {
    offset = encoded.writeUInt32BE(sizes[index] ?? 0, offset);
    offset += encoded.write(item, offset, 'utf8');
  }
  return encoded;
}
