import type { Backend } from '../model/backend.ts';
import { GatewayError } from '../model/errors.ts';

/** The stores of one snapshot, by their names in gateway.yaml. */
export interface Directory {
  get(name: string): Backend;
  readonly all: readonly Backend[];
}

export function createDirectory(backends: readonly Backend[]): Directory {
  const byName = new Map(backends.map((backend) => [backend.name, backend]));
  return {
    all: backends,
    get(name) {
      const backend = byName.get(name);
      if (backend === undefined) throw new GatewayError('InternalError', `No store is called ${name}.`);
      return backend;
    },
  };
}
