import type { DeclaredConfig } from '../config/gateway-config.ts';
import { parseCases } from '../config/policy-cases.ts';
import type { Expectation, PolicyCase } from '../config/policy-cases.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { Explanation } from '../policy/explain.ts';
import { acceptEntryOf, describe, encryptionOf } from '../policy/values.ts';
import { printDiagnostics } from './diagnostics-output.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { junitOf } from './junit.ts';
import { loadPolicyOf } from './loaded-policy.ts';
import type { Services } from './ports.ts';
import { ask, OPERATIONS } from './question.ts';

export interface PolicyTestOptions {
  readonly config: string;
  /** Files of cases; none: `policy.tests.yaml` beside the policy. */
  readonly files: readonly string[];
  readonly json: boolean;
  /** Where to write a JUnit report. */
  readonly junit: string | undefined;
}

export interface CaseResult {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  /** Empty where the policy answers as expected. */
  readonly failures: readonly string[];
}

/** `bucketseal test`: runs the cases beside a policy. 4 when one fails, 3 when a file is wrong. */
export function testPolicy(services: Services, options: PolicyTestOptions): ExitCode {
  const loaded = loadPolicyOf(services, options.config, options);
  if (loaded === undefined) return EXIT.invalid;
  const { policy, config } = loaded;
  const files = options.files.length > 0 ? options.files : [policy.file.replace(/(\.ya?ml)?$/, '.tests.yaml')];
  const results: CaseResult[] = [];
  for (const file of files) {
    const read = services.readFile(file);
    if (!read.ok) {
      services.stderr(`${file} cannot be read: ${read.reason}\n`);
      return EXIT.invalid;
    }
    const { cases, diagnostics } = parseCases(file, read.text, OPERATIONS);
    if (cases === undefined) {
      printDiagnostics(services, diagnostics, { json: options.json, subject: file });
      return EXIT.invalid;
    }
    for (const each of cases)
      results.push({ file, line: each.line, name: each.name, failures: run(policy, config, each, services.now()) });
  }
  report(services, results, options);
  return results.some(({ failures }) => failures.length > 0) ? EXIT.testsFailed : EXIT.ok;
}

function run(policy: CompiledPolicy, config: DeclaredConfig, each: PolicyCase, now: number): readonly string[] {
  const answer = ask(policy, config, each.request, now);
  return answer.ok ? differences(answer.explanation, each.expect) : [answer.reason];
}

function differences(explanation: Explanation, expected: Expectation): readonly string[] {
  const { access, decision, winner, outcome } = explanation;
  const denial = access?.effect === 'deny' ? access : decision?.effect === 'deny' ? decision : undefined;
  const allowance = decision?.effect === 'allow' ? decision : undefined;
  const reason = denial?.reason ?? allowance?.reason;
  const compare = (
    what: string,
    wanted: string | boolean | undefined,
    got: string | boolean | undefined,
  ): readonly string[] =>
    wanted === undefined || wanted === got
      ? []
      : [`${what}: expected ${String(wanted)}, got ${String(got ?? 'nothing')}`];
  const wrong = [
    ...compare('effect', expected.effect, outcome),
    ...compare('code', expected.code, denial?.code),
    ...compare(
      'encryption',
      expected.encryption === undefined ? undefined : wordsOf(expected.encryption),
      allowance === undefined ? undefined : describe(allowance.encryption),
    ),
    ...compare('by', expected.by, allowance?.by),
    ...compare('rule', expected.rule, winner?.name),
    ...compare('overridden', expected.overridden, allowance?.overridden),
  ];
  return wrong.length === 0 || reason === undefined ? wrong : [...wrong, `because ${reason}`];
}

function wordsOf(value: NonNullable<Expectation['encryption']>): string {
  if (value === 'unspecified') return describe({ kind: 'unspecified' });
  return describe(value === 'customer' ? acceptEntryOf(value) : encryptionOf(value));
}

function report(services: Services, results: readonly CaseResult[], options: PolicyTestOptions): void {
  if (options.junit !== undefined) services.writeFile(options.junit, junitOf(results));
  if (options.json) {
    for (const { failures, ...result } of results)
      services.stdout(`${JSON.stringify({ ...result, passed: failures.length === 0, failures })}\n`);
    return;
  }
  for (const { file, line, name, failures } of results) {
    if (failures.length === 0) continue;
    services.stdout(`${file}:${line} failed  ${name}\n`);
    for (const failure of failures) services.stdout(`  ${failure}\n`);
  }
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  services.stdout(`${results.length - failed} passed, ${failed} failed\n`);
}
