import type { OperationName } from '../../model/operations.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Begun, Continuation } from '../../policy/continuation.ts';
import type { Allowance } from '../../policy/decision.ts';
import type { Policy } from '../../policy/policy.ts';
import { denialError, type Call, type Place } from '../call/call.ts';
import { demandFitTransfer } from './encrypted-transfer.ts';
import { factsOf, record, shadowAnswer } from './decide-write.ts';
import { describe, expectationOf } from '../expectation.ts';

export interface Continued {
  readonly operation: OperationName;
  readonly key: string;
  readonly begun: Begun;
}

/** Asks the policy whether what was begun may go on today, records its answer, and throws where it may not. */
export async function demandContinuation(call: Call, place: Place, continued: Continued): Promise<Allowance> {
  const { operation, key, begun } = continued;
  const ask = async (policy: Policy): Promise<Continuation> => {
    const { kind } = begun.encryption;
    const facts = await factsOf(call, place, policy, { key, named: kind !== 'none' && kind !== 'unspecified' });
    return policy.continues({ ...facts, begun });
  };
  const { decision, recorded, demanded } = await ask(call.snapshot.policy);
  const shadow = await shadowAnswer(call, place, continued, async (policy) => (await ask(policy)).decision);
  record(
    call,
    place,
    { operation, key, wish: { state: 'absent' } },
    {
      decision,
      inputs: undefined,
      shadow,
      continued: {
        recorded: describe(expectationOf(recorded)),
        demanded: demanded === undefined ? '' : describe(expectationOf(demanded)),
      },
    },
  );
  if (decision.effect === 'deny') throw denialError(decision, call.dialect.name);
  // A list of parts shows no byte of what is encrypted.
  if (operation !== 'ListParts') demandFitTransfer(call, place, begun.encryption.kind);
  return decision;
}

/** An upload past `limits.uploads` is continued by nobody. `initiated` in ms; ages count from the upgrade at the earliest. */
export function demandYoung(call: Call, initiated: number): void {
  const since = Math.max(initiated, call.services.uploadsSince);
  if (call.services.now() - since > call.snapshot.uploadLifetime) throw noSuchUpload();
}

export function noSuchUpload(): GatewayError {
  return new GatewayError(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  );
}
