import type { Signals } from '../gateway/call/signals.ts';
import type { AuditRecord } from '../telemetry/audit.ts';
import type { SpanFacts } from '../telemetry/spans.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** The gateway's signals as log lines, metrics, audit records and facts of the request's span. */
export function signalsOf(
  { logger, metrics, audit }: Pick<Telemetry, 'logger' | 'metrics' | 'audit'>,
  spanFacts: (requestId: string, facts: SpanFacts) => void,
): Signals {
  return {
    began({ requestId, operation, bucket, policyRevision }) {
      spanFacts(requestId, { operation, revision: policyRevision, ...(bucket === undefined ? {} : { bucket }) });
    },
    decision(record) {
      const { requestId, accessKeyId, operation, bucket, key, rule, effect, decided, by, ...details } = record;
      const mode = record.wouldHave === undefined ? 'enforce' : 'audit';
      metrics.decision({ operation, effect, by, mode, bucket });
      if (record.overridden) metrics.overridden({ bucket });
      if (record.wouldHave !== undefined)
        metrics.wouldHave({ source: 'audit', effect: kindOf(record.wouldHave), operation, bucket });
      if (record.shadow !== undefined)
        metrics.wouldHave({ source: 'shadow', effect: kindOf(record.shadow), operation, bucket });
      spanFacts(requestId, { rule, decision: effect, mode, requested: record.wish, effective: decided, by });
      audit.write({
        kind: 'decision',
        requestId,
        who: accessKeyId,
        operation,
        bucket,
        key,
        rule,
        effect,
        effective: decided,
        by,
        wish: record.wish,
        details,
      });
    },
    outcome({ requestId, operation, storeSays }) {
      audit.write({ kind: 'outcome', requestId, operation, storeSays, outcome: 'stored' });
    },
    notHonoured(record) {
      const { requestId, store, bucket, operation, kind, expected, observed } = record;
      metrics.notHonoured({ store, operation, kind, bucket });
      logger.error({ requestId, store, bucket, operation, expected, observed }, 'the store did not encrypt as decided');
      audit.write({ kind: 'not-honoured', ...storesWord(record) });
    },
    unproven(record) {
      const { requestId, store, bucket, operation, kind, expected, observed } = record;
      metrics.unproven({ store, operation, kind, bucket });
      logger.warn({ requestId, store, bucket, operation, expected, observed }, 'what the store wrote is unproven');
      audit.write({ kind: 'unproven', ...storesWord(record) });
    },
    signatureForm: (form) => metrics.signatureForm(form),
    refused({ requestId, code, operation, accessKeyId }) {
      metrics.refused({ code });
      logger.info({ requestId, code, operation, accessKeyId }, 'refused');
    },
    failure({ requestId, operation, error }) {
      logger.error({ requestId, operation, error }, 'failed');
    },
  };
}

/** `deny AccessDenied`, `change to kms orders`, `allow kms orders by gateway`: the first word, as a label. */
function kindOf(words: string): 'deny' | 'change' {
  return words.startsWith('deny ') ? 'deny' : 'change';
}

/** What the audit keeps of a write that the store did not show to be as decided. */
function storesWord({
  requestId,
  operation,
  bucket,
  expected,
  observed,
  store,
}: Parameters<Signals['unproven']>[0]): Omit<AuditRecord, 'kind'> {
  return { requestId, operation, bucket, effective: expected, storeSays: observed, details: { store } };
}
