/** A map of at most `limit` entries: what was set longest ago goes first. */
export interface OldestOut<T> {
  get(name: string): T | undefined;
  set(name: string, value: T): void;
  delete(name: string): boolean;
  entries(): IterableIterator<[string, T]>;
  clear(): void;
  readonly size: number;
}

export function createOldestOut<T>(limit: number): OldestOut<T> {
  const kept = new Map<string, T>();
  return {
    get: (name) => kept.get(name),
    set(name, value) {
      kept.delete(name);
      const oldest = kept.size >= limit ? kept.keys().next().value : undefined;
      if (oldest !== undefined) kept.delete(oldest);
      kept.set(name, value);
    },
    delete: (name) => kept.delete(name),
    entries: () => kept.entries(),
    clear: () => kept.clear(),
    get size() {
      return kept.size;
    },
  };
}
