import { trace } from '@opentelemetry/api';
import type { Writable } from 'node:stream';
import type { DestinationStream } from 'pino';
import { createAudit } from './audit.ts';
import type { Audit } from './audit.ts';
import { createLogger } from './logger.ts';
import type { Logger, LogLevel } from './logger.ts';
import { createMetrics } from './metrics.ts';
import type { Metrics } from './metrics.ts';
import { createPrometheus } from './prometheus.ts';
import { createRedactor } from './redact.ts';
import type { Redactor, RedactorOptions } from './redact.ts';
import { createSpans } from './spans.ts';
import type { Spans } from './spans.ts';

export interface Telemetry {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly audit: Audit;
  readonly spans: Spans;
  /** Configured secrets as of now: they are removed wherever they appear. */
  readonly learn: Redactor['learn'];
  /** Prometheus text for the admin port. */
  readonly scrape: () => Promise<string>;
  /** Flushes the audit and stops the SDK; the sinks stay whose they are. */
  readonly close: () => Promise<void>;
}

export interface TelemetryOptions extends RedactorOptions {
  readonly level: LogLevel;
  /** Standard output when absent. */
  readonly logDestination?: DestinationStream;
  readonly audit: { readonly sink: Writable; readonly capacity?: number; readonly keys: 'omit' | 'hash' };
  /** Buckets that may be labels. */
  readonly labelledBuckets: readonly string[];
  /** ms since the epoch. */
  readonly now: () => number;
}

const SERVICE = 'bucketseal';

/** Logs, metrics, audit and spans behind one redactor. Spans go where the process's OpenTelemetry SDK sends them. */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const redactor = createRedactor(options);
  const prometheus = createPrometheus(SERVICE);
  const metrics = createMetrics(prometheus.meter, options.labelledBuckets);
  const audit = createAudit({
    ...options.audit,
    redactor,
    now: options.now,
    onDropped: metrics.auditDropped,
  });
  return {
    logger: createLogger({
      level: options.level,
      redactor,
      ...(options.logDestination === undefined ? {} : { destination: options.logDestination }),
    }),
    metrics,
    audit,
    spans: createSpans(trace.getTracer(SERVICE), redactor),
    learn: redactor.learn,
    scrape: prometheus.scrape,
    close: async () => {
      await audit.flush();
      await prometheus.close();
    },
  };
}
