import { closestMatch } from 'leven';

/** `did you mean "type"?`, or undefined when nothing is near. Case, `-` and `_` do not count. */
export function didYouMean(written: string, candidates: readonly string[]): string | undefined {
  const nearest = nearestOf(written, candidates);
  return nearest === undefined ? undefined : `did you mean "${nearest}"?`;
}

/** The candidate nearest to what was written; one slip in three characters at most. */
export function nearestOf(written: string, candidates: readonly string[]): string | undefined {
  const plain = plainOf(written);
  // A very long key is no slip of the pen, and the distance costs time.
  if (plain.length === 0 || plain.length > 64) return undefined;
  const byPlain = new Map(candidates.map((candidate) => [plainOf(candidate), candidate]));
  const limit = plain.length <= 3 ? 1 : Math.max(2, Math.floor(plain.length / 3));
  const match = closestMatch(plain, [...byPlain.keys()], { maxDistance: limit });
  return match === undefined ? undefined : byPlain.get(match);
}

function plainOf(text: string): string {
  return text.toLowerCase().replace(/[-_\s]/g, '');
}
