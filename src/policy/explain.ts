import type { AccessDecision, AccessInput, Decision, RuleRef, WriteInput } from './decision.ts';
import type { CompiledPolicy } from './compile.ts';
import { decideWrite, type TraceStep } from './evaluate.ts';
import { findRule } from './rules.ts';

/** Why a request would be answered as it would: every rule considered, why not, the winner, the steps, the outcome. */
export interface Explanation {
  readonly considered: readonly Considered[];
  readonly winner: RuleRef | undefined;
  readonly access: AccessDecision | undefined;
  readonly steps: readonly TraceStep[];
  /** Undefined where nothing is written, or access was denied before. */
  readonly decision: Decision | undefined;
  readonly outcome: 'allow' | 'deny';
}

export interface Considered {
  readonly rule: RuleRef;
  readonly outcome: 'won' | 'matched' | 'not-matched' | 'not-reached';
  readonly why: string;
}

/** Runs the very functions that requests run, with a trace. */
export function explain(
  policy: CompiledPolicy,
  request: { readonly access?: AccessInput; readonly write?: WriteInput },
): Explanation {
  const bucket = request.write?.bucket ?? request.access?.bucket ?? '';
  const key = request.write?.key ?? request.access?.key ?? '';
  const access = request.access && policy.access(request.access);
  const steps: TraceStep[] = [];
  const decision =
    request.write === undefined || access?.effect === 'deny'
      ? undefined
      : decideWrite(policy.set, request.write, steps);
  const winner = findRule(policy.set, bucket, key)?.effective.ref;
  const denied = [access, decision].some((answer) => answer?.effect === 'deny') || winner === undefined;
  return {
    considered: consider(policy, bucket, key),
    winner,
    access,
    steps,
    decision,
    outcome: denied ? 'deny' : 'allow',
  };
}

function consider(policy: CompiledPolicy, bucket: string, key: string): readonly Considered[] {
  const found = findRule(policy.set, bucket, key);
  let reached = true;
  return policy.set.rules.flatMap((rule): readonly Considered[] => {
    const ref = rule.effective.ref;
    if (!reached) {
      const why = rule.matches(bucket) ? 'matches, but an earlier rule won' : 'an earlier rule won';
      return [{ rule: ref, outcome: 'not-reached', why }];
    }
    if (rule !== found?.rule)
      return [{ rule: ref, outcome: 'not-matched', why: `${rule.pattern} does not match ${bucket}` }];
    reached = false;
    const own: Considered =
      found.effective === rule.effective
        ? { rule: ref, outcome: 'won', why: `the first rule that matches ${bucket}` }
        : { rule: ref, outcome: 'matched', why: `the first rule that matches ${bucket}; a prefix overrides it` };
    return [
      own,
      ...rule.prefixes.map(({ prefix, effective }) => considerPrefix(prefix, effective, found.effective, key)),
    ];
  });
}

function considerPrefix(
  prefix: string,
  effective: { readonly ref: RuleRef },
  winning: { readonly ref: RuleRef },
  key: string,
): Considered {
  if (effective === winning) return { rule: effective.ref, outcome: 'won', why: 'the longest prefix of the key' };
  return key.startsWith(prefix)
    ? { rule: effective.ref, outcome: 'not-reached', why: 'a longer prefix won' }
    : { rule: effective.ref, outcome: 'not-matched', why: `the key does not begin with ${prefix}` };
}
