/** How bad: an ERROR stops the load; warnings fail with `--strict`; a SUGGESTION never does. */
export type Level = 'ERROR' | 'SECURITY_WARNING' | 'WARNING' | 'SUGGESTION';

/** Where something stands; line and column count from 1, columns in UTF-16 units. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Characters that the caret underlines on that line. */
  readonly length: number;
}

/** One finding about a file, with the source line (secrets already masked) that it is about. */
export interface Diagnostic extends Position {
  readonly level: Level;
  readonly code: string;
  readonly message: string;
  readonly suggestion?: string;
  readonly source?: string;
  /** A line that, added to the policy's `keys:`, mends it. */
  readonly declare?: string;
}

/** 0, or 3 for an invalid configuration: any ERROR, and with `strict` any warning. */
export function exitCodeOf(diagnostics: readonly Diagnostic[], options: { readonly strict: boolean }): 0 | 3 {
  const fatal: readonly Level[] = options.strict ? ['ERROR', 'SECURITY_WARNING', 'WARNING'] : ['ERROR'];
  return diagnostics.some(({ level }) => fatal.includes(level)) ? 3 : 0;
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(({ level }) => level === 'ERROR');
}

/** By file in the order the files were first named, then by place, then by weight; the same finding once. */
export function inOrder(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const files = [...new Set(diagnostics.map(({ file }) => file))];
  const seen = new Set<string>();
  return [...diagnostics]
    .sort(
      (a, b) =>
        files.indexOf(a.file) - files.indexOf(b.file) ||
        a.line - b.line ||
        a.column - b.column ||
        LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level),
    )
    .filter((diagnostic) => {
      const identity = JSON.stringify([diagnostic.file, diagnostic.line, diagnostic.column, headOf(diagnostic)]);
      return !seen.has(identity) && seen.add(identity);
    });
}

/** Text for a terminal or a log: a head line, the source line and a caret. */
export function renderText(diagnostic: Diagnostic, paint: Paint = PLAIN): string {
  const head = `${paint.place(`${diagnostic.file}:${diagnostic.line}:${diagnostic.column}`)} ${headOf(diagnostic, paint)}`;
  if (diagnostic.source === undefined) return head;
  const number = String(diagnostic.line);
  const gutter = ' '.repeat(number.length);
  const { source, column } = excerpt(diagnostic.source, diagnostic.column);
  const before = source.slice(0, column - 1).replace(/[^\t]/g, ' ');
  const room = Math.max(1, source.length - column + 1);
  const carets = paint.level(diagnostic.level, '^'.repeat(Math.max(1, Math.min(diagnostic.length, room))));
  return `${head}\n  ${number} | ${source}\n  ${gutter} | ${before}${carets}`;
}

/** One JSON object a diagnostic, for `--json`: stable names, no colours. */
export function renderJson(diagnostic: Diagnostic): string {
  const { file, line, column, level, code, message, suggestion, source, declare } = diagnostic;
  return JSON.stringify({ file, line, column, level, code, message, suggestion, source, declare });
}

/** `1 error, 2 security warnings`; `no findings` for none. */
export function summaryOf(diagnostics: readonly Diagnostic[]): string {
  const counted = LEVELS.map((level) => ({ level, count: diagnostics.filter((item) => item.level === level).length }))
    .filter(({ count }) => count > 0)
    .map(({ level, count }) => `${count} ${wordOf(level).replace('_', ' ')}${count === 1 ? '' : 's'}`);
  return counted.length === 0 ? 'no findings' : counted.join(', ');
}

/** Colours of a terminal; the plain one changes nothing. */
export interface Paint {
  place(text: string): string;
  level(level: Level, text: string): string;
}

export const PLAIN: Paint = { place: (text) => text, level: (_level, text) => text };

const LEVELS: readonly Level[] = ['ERROR', 'SECURITY_WARNING', 'WARNING', 'SUGGESTION'];

/** A longer line is cut around the column: a minified file must not flood the terminal. */
const EXCERPT_CHARACTERS = 160;

function headOf(diagnostic: Diagnostic, paint: Paint = PLAIN): string {
  const hint = diagnostic.suggestion === undefined ? '' : `; ${diagnostic.suggestion}`;
  const level = paint.level(diagnostic.level, wordOf(diagnostic.level));
  return `${level} ${diagnostic.code}  ${diagnostic.message}${hint}`;
}

function wordOf(level: Level): string {
  return level.toLowerCase();
}

function excerpt(source: string, column: number): { readonly source: string; readonly column: number } {
  if (source.length <= EXCERPT_CHARACTERS) return { source, column };
  const start = Math.max(0, Math.min(column - 1 - EXCERPT_CHARACTERS / 2, source.length - EXCERPT_CHARACTERS));
  const [head, tail] = [start > 0 ? '…' : '', start + EXCERPT_CHARACTERS < source.length ? '…' : ''];
  return {
    source: `${head}${source.slice(start, start + EXCERPT_CHARACTERS)}${tail}`,
    column: column - start + head.length,
  };
}
