/** Reads a stream of at most `limit` bytes into one buffer; `too-large` once it has more (the rest stays unread). */
export async function readBounded(bytes: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer | 'too-large'> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > limit) return 'too-large';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** Passes bytes on but keeps the newest chunk back until the source has ended well: what commits a write is never sent early. */
export async function* withholdLast(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array | undefined;
  for await (const chunk of bytes) {
    if (chunk.length === 0) continue;
    if (held !== undefined) yield held;
    held = chunk;
  }
  if (held !== undefined) yield held;
}
