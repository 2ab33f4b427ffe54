import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { Attributes, Span, Tracer } from '@opentelemetry/api';
import type { Redactor } from './redact.ts';

/** What is known of a request when its span begins. The path, the key and the query never are. */
export interface SpanStart {
  readonly method: string;
  readonly listener: string;
  readonly secure: boolean;
  readonly requestId: string;
}

/** What becomes known on the way; all of low cardinality but the bucket. */
export interface SpanFacts {
  readonly operation?: string;
  readonly bucket?: string;
  readonly status?: number;
  readonly rule?: string;
  readonly decision?: string;
  readonly mode?: string;
  readonly revision?: string;
  readonly requested?: string;
  readonly effective?: string;
  readonly by?: string;
}

export interface Spans {
  /** Runs `work` inside a server span; a failure is recorded and passed on. */
  readonly server: <T>(start: SpanStart, work: (span: ServerSpan) => Promise<T>) => Promise<T>;
}

export interface ServerSpan {
  readonly facts: (facts: SpanFacts) => void;
}

/** Server spans by hand: the stock instrumentations put presigned URLs into attributes and cost half the throughput. */
export function createSpans(tracer: Tracer, redactor: Redactor): Spans {
  return {
    server: (start, work) =>
      tracer.startActiveSpan(
        start.method,
        { kind: SpanKind.SERVER, attributes: startAttributes(start) },
        async (span) => {
          try {
            return await work({ facts: (facts) => record(span, start, facts, redactor) });
          } catch (error) {
            const message = redactor.text(error instanceof Error ? error.message : String(error));
            span.setStatus({ code: SpanStatusCode.ERROR, message });
            throw error;
          } finally {
            span.end();
          }
        },
      ),
  };
}

function startAttributes(start: SpanStart): Attributes {
  return {
    'http.request.method': start.method,
    'url.scheme': start.secure ? 'https' : 'http',
    'bucketseal.listener': start.listener,
    'bucketseal.request_id': start.requestId,
  };
}

const ATTRIBUTES: Readonly<Record<keyof SpanFacts, string>> = {
  operation: 'bucketseal.operation',
  bucket: 'aws.s3.bucket',
  status: 'http.response.status_code',
  rule: 'bucketseal.policy.rule',
  decision: 'bucketseal.policy.decision',
  mode: 'bucketseal.policy.mode',
  revision: 'bucketseal.policy.revision',
  requested: 'bucketseal.sse.requested',
  effective: 'bucketseal.sse.effective',
  by: 'bucketseal.sse.by',
};

function record(span: Span, start: SpanStart, facts: SpanFacts, redactor: Redactor): void {
  for (const [fact, value] of Object.entries(facts) as [keyof SpanFacts, string | number | undefined][])
    if (value !== undefined)
      span.setAttribute(ATTRIBUTES[fact], typeof value === 'string' ? redactor.text(value) : value);
  if (facts.operation !== undefined) span.updateName(`${start.method} ${facts.operation}`);
  if (facts.status !== undefined && facts.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
}
