import leven from 'leven';

/** The nearest known name, close enough to be a slip of the finger. */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((name) => ({ name, distance: leven(word, name) }))
    .filter(({ name, distance }) => distance > 0 && distance <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0] && `did you mean "${ranked[0].name}"?`;
}
