import type { DecisionInputs } from './decision-inputs.ts';
import type { OperationName } from '../../model/operations.ts';
import type { Expectation } from '../expectation.ts';

/** One decision on a write, as the audit log keeps it. Never a secret, never a query string. */
export interface DecisionRecord {
  readonly requestId: string;
  readonly accessKeyId: string;
  readonly operation: OperationName;
  readonly bucket: string;
  readonly key: string | undefined;
  readonly dialect: string;
  readonly store: string;
  /** The client's headers as they came (`aws:kms`), '' when there were none. */
  readonly wish: string;
  readonly wishIgnored: string;
  readonly rule: string;
  readonly effect: 'allow' | 'deny';
  /** `none`, `managed AES256`, `kms orders` … */
  readonly decided: string;
  readonly by: string;
  readonly reason: string;
  readonly overridden: boolean;
  readonly wouldHave: string | undefined;
  /** What the shadow policy would have answered, where it differs. */
  readonly shadow: string | undefined;
  readonly policyRevision: string;
  /** What another policy would have to be asked. */
  readonly inputs: DecisionInputs | undefined;
  /** Where a write continues what was begun: what it lies under, and what the policy would demand today. */
  readonly recorded?: string;
  readonly demanded?: string;
}

/** What the gateway tells the outside about itself; `assemble` connects it to logs, metrics and the audit file. */
export interface Signals {
  /** A request was verified and understood; `bucket` only where a rule serves it. */
  began(record: {
    readonly requestId: string;
    readonly operation: OperationName;
    readonly bucket: string | undefined;
    readonly policyRevision: string;
  }): void;
  decision(record: DecisionRecord): void;
  /** The store's word for a write that was decided before; `undefined` when it said nothing. */
  outcome(record: {
    readonly requestId: string;
    readonly operation: OperationName;
    readonly storeSays: string | undefined;
  }): void;
  notHonoured(record: {
    readonly requestId: string;
    readonly store: string;
    readonly bucket: string;
    readonly operation: OperationName;
    readonly kind: Expectation['kind'];
    readonly expected: string;
    readonly observed: string;
  }): void;
  /** A write that the store took and whose encryption nobody can tell. */
  unproven(record: {
    readonly requestId: string;
    readonly store: string;
    readonly bucket: string;
    readonly operation: OperationName;
    readonly kind: Expectation['kind'];
    readonly expected: string;
    readonly observed: string | undefined;
  }): void;
  signatureForm(form: string): void;
  refused(record: {
    readonly requestId: string;
    readonly code: string;
    readonly operation: string | undefined;
    readonly accessKeyId: string | undefined;
  }): void;
  failure(record: {
    readonly requestId: string;
    readonly operation: string | undefined;
    readonly error: unknown;
  }): void;
}
