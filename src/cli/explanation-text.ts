import type { Explanation } from '../policy/explain.ts';
import { describe } from '../policy/values.ts';
import type { StorePreview } from '../inspection/question.ts';

/** The rules considered, the steps, the verdict and the winner, for people. */
export function explanationLines(explanation: Explanation): readonly string[] {
  const { access, decision, winner } = explanation;
  const denial = access?.effect === 'deny' ? access : decision?.effect === 'deny' ? decision : undefined;
  const verdict =
    denial !== undefined
      ? [`deny ${denial.code}: ${denial.message}`, `  ${denial.reason}`]
      : decision?.effect === 'allow'
        ? [`allow: ${describe(decision.encryption)}, by the ${decision.by}`, `  ${decision.reason}`]
        : [
            winner === undefined
              ? 'deny: no rule matches the bucket'
              : 'allow: nothing is written, so nothing is encrypted',
          ];
  return [
    ...explanation.considered.map(
      ({ rule, outcome, why }) => `  ${rule.file}:${rule.line}  ${rule.name}  ${outcome}: ${why}`,
    ),
    ...explanation.steps.map(({ step, text }) => `  ${step}: ${text}`),
    ...verdict,
    ...(winner === undefined ? [] : [`  rule ${winner.name} (${winner.file}:${winner.line})`]),
  ];
}

/** What each store would be told. */
export function previewLines(stores: readonly StorePreview[]): readonly string[] {
  return stores.flatMap(({ store, method, host, path, headers, notes }) => [
    `store ${store}`,
    ...(method === undefined ? [] : [`  ${method} ${path ?? '/'}`, `  host: ${host ?? ''}`]),
    ...headers.map(([name, value]) => `  ${name}: ${value}`),
    ...notes.map((note) => `  (${note})`),
  ]);
}
