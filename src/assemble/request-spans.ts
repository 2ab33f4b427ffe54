import type { ServerSpan, SpanFacts, Spans } from '../telemetry/spans.ts';
import type { WireRequest, WireResponse } from '../wire/message.ts';

/** What becomes known of the requests under way, for their spans and metrics: by request id, since rooms share no context. */
export interface RequestSpans {
  /** Runs `work` inside the request's server span. */
  readonly run: <T>(wire: WireRequest, work: () => Promise<T>) => Promise<T>;
  readonly facts: (requestId: string, facts: SpanFacts) => void;
  /** The operation of a request, once it was decoded. */
  readonly operationOf: (requestId: string) => string | undefined;
  /** The answer is out. */
  readonly end: (requestId: string) => void;
}

export function createRequestSpans(spans: Spans): RequestSpans {
  const underWay = new Map<string, { readonly span: ServerSpan; operation?: string }>();
  return {
    run: ({ method, requestId, connection }, work) =>
      spans.server({ method, listener: connection.listener, secure: connection.secure, requestId }, async (span) => {
        underWay.set(requestId, { span });
        const answer = await work();
        const status = statusOf(answer);
        if (status !== undefined) span.facts({ status });
        return answer;
      }),
    facts(requestId, facts) {
      const known = underWay.get(requestId);
      if (known === undefined) return;
      if (facts.operation !== undefined) known.operation = facts.operation;
      known.span.facts(facts);
    },
    operationOf: (requestId) => underWay.get(requestId)?.operation,
    end: (requestId) => void underWay.delete(requestId),
  };
}

function statusOf(answer: unknown): number | undefined {
  return typeof answer === 'object' && answer !== null && 'status' in answer
    ? (answer as Partial<WireResponse>).status
    : undefined;
}
