import type { Signals } from '../gateway/signals.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** The gateway's signals as log lines, metrics and audit records. */
export function signalsOf({ logger, metrics, audit }: Telemetry): Signals {
  return {
    decision(record) {
      const { requestId, accessKeyId, operation, bucket, key, rule, effect, decided, by, ...details } = record;
      metrics.decision({ operation, effect, by, mode: record.wouldHave === undefined ? 'enforce' : 'audit', bucket });
      if (record.overridden) metrics.overridden({ bucket });
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
    outcome({ requestId, operation, storeSays, status }) {
      audit.write({ kind: 'outcome', requestId, operation, storeSays, outcome: status });
    },
    notHonoured(record) {
      const { requestId, store, bucket, operation, expected, observed } = record;
      metrics.notHonoured({ store, operation, kind: expected, bucket });
      logger.error({ requestId, store, bucket, operation, expected, observed }, 'the store did not encrypt as decided');
      audit.write({
        kind: 'not-honoured',
        requestId,
        operation,
        bucket,
        effective: expected,
        storeSays: observed,
        details: { store },
      });
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
