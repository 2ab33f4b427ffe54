import { describe, expect, test } from 'vitest';
import { createGenerations, type Generation } from '../../../src/assemble/generations.ts';
import type { OpenStore } from '../../../src/assemble/stores.ts';
import type { Snapshot } from '../../../src/gateway/call/snapshot.ts';

function storeOf(identity: string, closed: string[]): OpenStore {
  const backend = {
    close: () => {
      closed.push(identity);
      return Promise.resolve();
    },
  };
  return { identity, backend: backend as OpenStore['backend'], passthrough: undefined, transport: undefined };
}

function generationOf(revision: string, ...stores: readonly OpenStore[]): Generation {
  return {
    snapshot: { revision } as Snapshot,
    stores: new Map(stores.map((store) => [store.identity, store])),
  };
}

describe('generations', () => {
  test('a store that was replaced closes when the last request that began on it has ended', () => {
    const closed: string[] = [];
    const [one, two] = [storeOf('one', closed), storeOf('two', closed)];
    const generations = createGenerations(generationOf('a', one));
    const [first, second] = [{}, {}];
    expect(generations.begin(first).snapshot.revision).toBe('a');
    generations.begin(second);
    generations.replace(generationOf('b', two));
    expect(generations.begin({}).snapshot.revision).toBe('b');
    generations.end(first);
    expect(closed).toEqual([]);
    generations.end(second);
    expect(closed).toEqual(['one']);
  });

  test('a store that nobody uses closes at once, one that is kept does not, and none closes twice', async () => {
    const closed: string[] = [];
    const [one, two] = [storeOf('one', closed), storeOf('two', closed)];
    const generations = createGenerations(generationOf('a', one, two));
    generations.replace(generationOf('b', two));
    expect(closed).toEqual(['one']);
    generations.replace(generationOf('c', two));
    await generations.settled();
    await generations.close();
    expect(closed).toEqual(['one', 'two']);
  });

  test('a store that comes back while it is still used stays open', () => {
    const closed: string[] = [];
    const [one, two] = [storeOf('one', closed), storeOf('two', closed)];
    const generations = createGenerations(generationOf('a', one));
    const request = {};
    generations.begin(request);
    generations.replace(generationOf('b', two));
    expect(generations.openStores().map(({ identity }) => identity)).toEqual(['one', 'two']);
    generations.replace(generationOf('c', one));
    expect(closed).toEqual(['two']);
    generations.end(request);
    generations.end(request);
    expect(closed).toEqual(['two']);
  });

  test('the end of a request that never began changes nothing', () => {
    const closed: string[] = [];
    const generations = createGenerations(generationOf('a', storeOf('one', closed)));
    generations.end({});
    expect(closed).toEqual([]);
    expect(generations.current().snapshot.revision).toBe('a');
  });
});
