import { styleText } from 'node:util';
import { PLAIN, renderJson, renderText, summaryOf } from '../config/diagnostics.ts';
import type { Diagnostic, Level, Paint } from '../config/diagnostics.ts';
import type { Services } from './ports.ts';

/** Prints findings: JSON lines and nothing else, or text with a summary. */
export function printDiagnostics(
  services: Pick<Services, 'stdout' | 'colours'>,
  diagnostics: readonly Diagnostic[],
  options: { readonly json: boolean; readonly subject: string },
): void {
  if (options.json) {
    for (const diagnostic of diagnostics) services.stdout(`${renderJson(diagnostic)}\n`);
    return;
  }
  const paint = services.colours ? COLOURS : PLAIN;
  for (const diagnostic of diagnostics) services.stdout(`${renderText(diagnostic, paint)}\n`);
  services.stdout(`${options.subject}: ${summaryOf(diagnostics)}\n`);
}

const COLOUR_OF: Readonly<Record<Level, 'red' | 'magenta' | 'yellow' | 'cyan'>> = {
  ERROR: 'red',
  SECURITY_WARNING: 'magenta',
  WARNING: 'yellow',
  SUGGESTION: 'cyan',
};

// The caller has asked the terminal already; styleText must not ask again.
const COLOURS: Paint = {
  place: (text) => styleText('bold', text, { validateStream: false }),
  level: (level, text) => styleText(COLOUR_OF[level], text, { validateStream: false }),
};
