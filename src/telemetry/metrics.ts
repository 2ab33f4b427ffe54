import type { Attributes, Meter } from '@opentelemetry/api';
import { ERROR_CODES } from '../model/errors.ts';
import { ACTION_OF } from '../model/operations.ts';

/** What is counted and timed. Seconds and bytes; a bucket is a label only where the configuration lists it, a key never. */
export interface Metrics {
  readonly request: (seen: {
    readonly method: string;
    readonly status: number;
    readonly listener: string;
    readonly operation?: string;
    readonly bucket?: string;
    readonly seconds: number;
  }) => void;
  readonly decision: (seen: {
    readonly operation: string;
    readonly effect: string;
    readonly by: string;
    readonly mode: string;
    readonly bucket: string;
  }) => void;
  readonly reloaded: (seen: { readonly ok: boolean; readonly atSeconds: number }) => void;
  readonly notHonoured: (seen: StoreWrite) => void;
  /** Writes that the store took and whose encryption nobody could tell. */
  readonly unproven: (seen: StoreWrite) => void;
  readonly overridden: (seen: { readonly bucket: string }) => void;
  /** What audit mode or the shadow policy would have answered otherwise. */
  readonly wouldHave: (seen: {
    readonly source: 'audit' | 'shadow';
    readonly effect: 'deny' | 'change';
    readonly operation: string;
    readonly bucket: string;
  }) => void;
  readonly refused: (seen: { readonly code: string }) => void;
  readonly signatureForm: (form: string) => void;
  readonly upstream: (seen: {
    readonly store: string;
    readonly operation: string;
    readonly status: number;
    readonly seconds: number;
  }) => void;
  readonly auditDropped: (lines: number) => void;
  /** Read at each scrape. */
  readonly watchInFlight: (read: () => { readonly requests: number; readonly bytes: number }) => void;
}

interface StoreWrite {
  readonly store: string;
  readonly operation: string;
  readonly kind: string;
  readonly bucket: string;
}

/** Upper bounds in seconds; 300 is the longest that a store may take for a Copy. */
const DURATIONS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
/** Stands for everything that would make a label grow without end. */
const OTHER = '_OTHER';

/** What each label may say, where the configuration does not: clients and stores choose no label's value. */
const LABELS: Readonly<Record<string, ReadonlySet<string>>> = {
  'http.request.method': new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS']),
  operation: new Set([...Object.keys(ACTION_OF), 'ListBuckets', 'Passthrough']),
  kind: new Set(['none', 'managed', 'kms', 'customer', 'unspecified']),
  effect: new Set(['allow', 'deny', 'change']),
  by: new Set(['', 'store', 'gateway']),
  mode: new Set(['enforce', 'audit']),
  source: new Set(['audit', 'shadow']),
  code: new Set(ERROR_CODES),
};

/** A label's value, or `_OTHER` for one that is not among those that were thought of. */
function closed(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([label, value]) => [
      label,
      LABELS[label] === undefined || LABELS[label].has(String(value)) ? value : OTHER,
    ]),
  );
}

/** 0: no answer. Parsers take any three digits. */
function statusLabel(status: number): number | string {
  return status === 0 || (status >= 100 && status <= 599) ? status : OTHER;
}

/** Instruments by the OpenTelemetry API; `labelledBuckets` come from the configuration. */
export function createMetrics(meter: Meter, labelledBuckets: readonly string[]): Metrics {
  const labelled = new Set(labelledBuckets);
  const histogram = (name: string, description: string): ReturnType<Meter['createHistogram']> =>
    meter.createHistogram(name, { unit: 's', description, advice: { explicitBucketBoundaries: DURATIONS } });
  const counter = (name: string, description: string): ReturnType<Meter['createCounter']> =>
    meter.createCounter(name, { description });
  const withBucket = (attributes: Attributes, bucket: string | undefined): Attributes =>
    bucket !== undefined && labelled.has(bucket) ? { ...closed(attributes), bucket } : closed(attributes);

  const requests = histogram('http.server.request.duration', 'Time from a complete head to the end of the answer');
  const decisions = counter('bucketseal.policy.decisions', 'Encryption decisions on writes');
  const reloadedAt = meter.createGauge('bucketseal.policy.last_reload_success_timestamp', {
    unit: 's',
    description: 'When configuration and policy were last loaded with success, in Unix time',
  });
  const reloadOk = meter.createGauge('bucketseal.policy.last_reload_successful', {
    description: '1 while the files on disk are the ones in force',
  });
  const notHonoured = counter(
    'bucketseal.encryption.not_honoured',
    'Writes whose store did not confirm the encryption',
  );
  const unproven = counter(
    'bucketseal.encryption.unproven',
    'Writes that a store took and whose encryption nobody could tell',
  );
  const overridden = counter('bucketseal.intent.overridden', 'Client wishes that the policy overrode');
  const wouldHave = counter(
    'bucketseal.policy.would_have',
    'Decisions that audit mode or the shadow policy would have made otherwise',
  );
  const refused = counter('bucketseal.refused', 'Requests answered with an error, by code');
  const forms = counter('bucketseal.signatures', 'Verified requests by form of signature');
  const upstream = histogram('bucketseal.upstream.request', 'Calls to stores, to the head of the answer');
  const dropped = counter('bucketseal.audit.dropped', 'Audit lines lost to a full queue or a failing sink');

  return {
    request: ({ method, status, listener, operation, bucket, seconds }) => {
      const attributes = {
        'http.request.method': method,
        'http.response.status_code': statusLabel(status),
        listener,
        ...(operation === undefined ? {} : { operation }),
      };
      requests.record(seconds, withBucket(attributes, bucket));
    },
    decision: ({ bucket, ...attributes }) => decisions.add(1, withBucket(attributes, bucket)),
    reloaded: ({ ok, atSeconds }) => {
      reloadOk.record(ok ? 1 : 0);
      if (ok) reloadedAt.record(atSeconds);
    },
    notHonoured: ({ bucket, ...attributes }) => notHonoured.add(1, withBucket(attributes, bucket)),
    unproven: ({ bucket, ...attributes }) => unproven.add(1, withBucket(attributes, bucket)),
    overridden: ({ bucket }) => overridden.add(1, withBucket({}, bucket)),
    wouldHave: ({ bucket, ...attributes }) => wouldHave.add(1, withBucket(attributes, bucket)),
    refused: ({ code }) => refused.add(1, closed({ code })),
    signatureForm: (form) => forms.add(1, { form }),
    upstream: ({ seconds, status, ...attributes }) =>
      upstream.record(seconds, closed({ ...attributes, status: statusLabel(status) })),
    auditDropped: (lines) => dropped.add(lines),
    watchInFlight: (read) => {
      const bytes = meter.createObservableGauge('bucketseal.inflight', {
        unit: 'By',
        description: 'Memory reserved by requests under way',
      });
      const count = meter.createObservableGauge('bucketseal.inflight.requests', { description: 'Requests under way' });
      bytes.addCallback((result) => result.observe(read().bytes));
      count.addCallback((result) => result.observe(read().requests));
    },
  };
}
