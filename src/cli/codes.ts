import { DIAGNOSTIC_CODES } from '../config/diagnostic-codes.ts';
import type { Level } from '../config/diagnostics.ts';
import { FINDING_CODES } from '../policy/finding-codes.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Services } from './ports.ts';

export interface DocumentedCode {
  readonly code: string;
  readonly level: Level;
  readonly text: string;
}

/** Every code that `check` can answer, by weight and name. */
export function documentedCodes(): readonly DocumentedCode[] {
  const all: readonly DocumentedCode[] = Object.entries({ ...DIAGNOSTIC_CODES, ...FINDING_CODES }).map(
    ([code, { level, text }]) => ({ code, level, text }),
  );
  const weight = ({ level }: DocumentedCode): number => LEVELS.indexOf(level);
  return [...all].sort((a, b) => weight(a) - weight(b) || (a.code < b.code ? -1 : 1));
}

/** `bucketseal check --codes`: the list as a Markdown table, so that the documents can hold it. */
export function printCodes(services: Pick<Services, 'stdout'>, { json }: { readonly json: boolean }): ExitCode {
  const codes = documentedCodes();
  if (json) for (const each of codes) services.stdout(`${JSON.stringify(each)}\n`);
  else {
    services.stdout('| code | level | meaning |\n| --- | --- | --- |\n');
    for (const { code, level, text } of codes)
      services.stdout(`| \`${code}\` | ${level} | ${text.replaceAll('|', '\\|')} |\n`);
  }
  return EXIT.ok;
}

const LEVELS: readonly Level[] = ['ERROR', 'SECURITY_WARNING', 'WARNING', 'SUGGESTION'];
