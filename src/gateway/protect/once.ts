/** Computes once and repeats the answer: a second record over the same bytes would carry another MAC than the stored one. */
export function once<T extends object>(compute: () => T): () => T {
  let known: T | undefined;
  return () => (known ??= compute());
}
