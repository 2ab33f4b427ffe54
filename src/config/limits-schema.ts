import type { JsonSchema } from './schema-check.ts';
import { count, duration, map, size } from './schema-parts.ts';

/** Bounds in time, memory and number. */
export function limitsSchema(): JsonSchema {
  return {
    ...bounds('limits', {
      head: duration('A request’s head must be complete within this.', '15s'),
      idle: duration('No byte for this long ends a transfer.', '60s'),
      storeConnect: duration('A connection to a store must stand within this.', '5s'),
      storeHead: duration('A store’s head after the request’s last byte.', '30s'),
      storeCopyHead: duration('The same for Copy and Complete.', '300s'),
      slowHead: duration(
        'An OSS client is told 503 when a Copy or Complete takes longer: a Copy is cancelled then, a Complete goes on.',
        '300s',
      ),
      bucketRule: duration('How long a bucket’s own rule at its store is believed.', '60s'),
      uploads: duration('An upload older than this is continued by nobody, and the embedded store aborts it.', '7d'),
      keepAlive: duration('An idle client connection is kept this long.', '72s'),
      shutdown: duration('How long running requests may take after a stop signal.', '30s'),
      inFlight: size('Bytes held in memory by all requests together; above it the answer is 503.', '256MiB'),
      client: {
        ...bounds('client limits', {
          requests: count('Requests of one client at once.', 3072),
          bytes: size('Bytes held in memory by all requests of one client.', '192MiB'),
        }),
        description: 'One client’s share of what may be under way; absent: three quarters of the whole.',
        examples: [{ requests: 512, bytes: '64MiB' }],
      },
      minimumRate: size('Bytes a second, over 30 s, under which a client’s body is ended; 0 for none.', '1KiB'),
      spool: size('Bytes on disk for bodies whose length a store must know.', '10GiB'),
      connections: { ...count('Client connections at once.', 4096) },
      storeConnections: { ...count('Connections to one store.', 128) },
    }),
    description: 'Bounds in time, memory and number. Durations: ms, s, m, h, d. Sizes: KiB, MiB, GiB.',
    examples: [{ head: '15s', idle: '60s', inFlight: '256MiB' }],
  };
}

function bounds(title: string, properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return map(title, { properties });
}
