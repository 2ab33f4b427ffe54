import type { Snapshot } from '../gateway/call/snapshot.ts';
import { closeStores, type OpenStore } from './stores.ts';

/** One snapshot with the stores that it speaks to. */
export interface Generation {
  readonly snapshot: Snapshot;
  readonly stores: ReadonlyMap<string, OpenStore>;
}

/** The generation in force, and older ones that requests under way still run on. */
export interface Generations {
  readonly current: () => Generation;
  /** Every store that is open: those of the generation in force, and those that older requests still use. */
  readonly openStores: () => readonly OpenStore[];
  /** A request begins: it lives and ends with what is in force now. */
  begin(request: object): Generation;
  /** The request's stores stay open until what this answers is called, also when its answer is out. */
  hold(request: object): () => void;
  /** The request's answer is out; a store that nobody needs any more closes. */
  end(request: object): void;
  replace(next: Generation): void;
  /** Resolves when nothing is closing: a store's lock is free again. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** Counts requests by generation, so that a reload never closes a store under a request. */
export function createGenerations(first: Generation): Generations {
  let current = first;
  const users = new Map<Generation, number>([[first, 0]]);
  const leases = new WeakMap<object, Generation>();
  let closing: Promise<unknown> = Promise.resolve();

  const openStores = (): readonly OpenStore[] => {
    const open = [...users.keys()].flatMap(({ stores }) => [...stores.values()]);
    return [...new Map(open.map((store) => [store.identity, store])).values()];
  };
  const retire = (): void => {
    // Every request ends here; between reloads there is nothing to look for.
    if (users.size === 1) return;
    const before = openStores();
    for (const [generation, count] of users) if (count === 0 && generation !== current) users.delete(generation);
    const kept = new Set(openStores().map(({ identity }) => identity));
    const unused = before.filter(({ identity }) => !kept.has(identity));
    if (unused.length > 0) closing = Promise.all([closing, closeStores(unused)]);
  };
  const leave = (generation: Generation): void => {
    users.set(generation, (users.get(generation) ?? 1) - 1);
    retire();
  };
  return {
    current: () => current,
    openStores,
    begin(request) {
      users.set(current, (users.get(current) ?? 0) + 1);
      leases.set(request, current);
      return current;
    },
    hold(request) {
      const generation = leases.get(request);
      if (generation === undefined) return () => undefined;
      users.set(generation, (users.get(generation) ?? 0) + 1);
      let held = true;
      return () => {
        if (held) leave(generation);
        held = false;
      };
    },
    end(request) {
      const generation = leases.get(request);
      if (generation === undefined) return;
      leases.delete(request);
      leave(generation);
    },
    replace(next) {
      current = next;
      users.set(next, users.get(next) ?? 0);
      retire();
    },
    settled: async () => {
      await closing;
    },
    close: async () => {
      const open = openStores();
      users.clear();
      await Promise.all([closing, closeStores(open)]);
    },
  };
}
