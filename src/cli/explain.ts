import { hasErrors } from '../config/diagnostics.ts';
import type { RequestDescription } from '../config/policy-cases.ts';
import type { Explanation } from '../policy/explain.ts';
import { describe } from '../policy/values.ts';
import { printDiagnostics } from './diagnostics-output.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Services } from './ports.ts';
import { ask } from './question.ts';

export interface ExplainOptions {
  readonly config: string;
  readonly json: boolean;
  readonly request: RequestDescription;
}

/** `bucketseal explain`: why a request would be answered as it would. 0 for an answer, whichever it is. */
export function explainRequest(services: Services, options: ExplainOptions): ExitCode {
  const outcome = services.load(options.config);
  const policy = services.compile(outcome);
  if (policy === undefined || outcome.config === undefined) {
    const errors = outcome.diagnostics.filter((diagnostic) => hasErrors([diagnostic]));
    printDiagnostics(services, errors, { json: options.json, subject: options.config });
    return EXIT.invalid;
  }
  const answer = ask(policy, outcome.config, options.request, services.now());
  if (!answer.ok) {
    services.stderr(`${answer.reason}\n`);
    return EXIT.usage;
  }
  const { explanation } = answer;
  if (options.json) services.stdout(`${JSON.stringify(plainOf(explanation, options.request))}\n`);
  else for (const line of linesOf(explanation, options.request)) services.stdout(`${line}\n`);
  return EXIT.ok;
}

function linesOf(explanation: Explanation, request: RequestDescription): readonly string[] {
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
    `${request.operation ?? 'PutObject'} ${request.bucket}/${request.key ?? ''}`,
    ...explanation.considered.map(
      ({ rule, outcome, why }) => `  ${rule.file}:${rule.line}  ${rule.name}  ${outcome}: ${why}`,
    ),
    ...explanation.steps.map(({ step, text }) => `  ${step}: ${text}`),
    ...verdict,
    ...(winner === undefined ? [] : [`  rule ${winner.name} (${winner.file}:${winner.line})`]),
  ];
}

function plainOf(explanation: Explanation, request: RequestDescription): object {
  return { request, ...explanation };
}
