import type { Meter } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';

export interface PrometheusMetrics {
  readonly meter: Meter;
  /** The text exposition format, with `_seconds` and `_bytes` in the names. */
  readonly scrape: () => Promise<string>;
  readonly close: () => Promise<void>;
}

/** The SDK behind the API's instruments: nothing is pushed, a scrape collects. */
export function createPrometheus(service: string): PrometheusMetrics {
  const reader = new ScrapeReader();
  const provider = new MeterProvider({ readers: [reader] });
  const serializer = new PrometheusSerializer('', false, undefined, true, true);
  return {
    meter: provider.getMeter(service),
    scrape: async () => {
      const { resourceMetrics } = await reader.collect();
      const renamed = withUnits(resourceMetrics);
      // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- the exporter's own copy of the SDK: equal values, another enum by name
      return serializer.serialize(renamed);
    },
    close: () => provider.shutdown(),
  };
}

/** Collects when asked; the SDK offers this by inheritance only. */
class ScrapeReader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

const SUFFIXES: Readonly<Record<string, string>> = { s: '.seconds', By: '.bytes' };

/** The JS exporter leaves units out of names, which Prometheus' conventions and every dashboard expect. */
function withUnits(metrics: ResourceMetrics): ResourceMetrics {
  return {
    ...metrics,
    scopeMetrics: metrics.scopeMetrics.map((scope) => ({
      ...scope,
      metrics: scope.metrics.map((metric) => ({
        ...metric,
        descriptor: {
          ...metric.descriptor,
          name: `${metric.descriptor.name}${SUFFIXES[metric.descriptor.unit] ?? ''}`,
        },
      })),
    })),
  };
}
