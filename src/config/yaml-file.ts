import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Alias, Document, Node, YAMLError } from 'yaml';
import type { Diagnostic, Level, Position } from './diagnostics.ts';
import { maskSecrets } from './secret-mask.ts';

/** A parsed file: its value, and the way from a path in the value back to line and column. */
export interface YamlFile {
  readonly file: string;
  /** Short SHA-256 of the content. */
  readonly revision: string;
  /** Undefined when the text is no usable YAML; `diagnostics` then says why. */
  readonly value: unknown;
  readonly diagnostics: readonly Diagnostic[];
  /** The place of a key or of its value; of the nearest thing that exists when the path leads nowhere. */
  locate(path: YamlPath, part?: 'key' | 'value'): Position;
  /** Completes a finding with the place and its (masked) source line. */
  report(position: Position, finding: Finding): Diagnostic;
}

export type YamlPath = readonly (string | number)[];

export interface Finding {
  readonly level: Level;
  readonly code: string;
  readonly message: string;
  readonly suggestion?: string;
  readonly declare?: string;
}

/** Limits against files made to exhaust; a ConfigMap holds 1 MiB at most. */
export const YAML_LIMITS = { bytes: 1024 * 1024, aliases: 20, depth: 64 } as const;

/** Parses YAML 1.2, strictly: unique string keys, no merge keys, one document, few aliases. Never throws. */
export function parseYamlFile(file: string, text: string): YamlFile {
  const revision = revisionOf(text);
  if (Buffer.byteLength(text) > YAML_LIMITS.bytes)
    return unusable(file, revision, 'file-too-large', `the file has more than ${YAML_LIMITS.bytes} bytes`);
  if (deeperThan(text, YAML_LIMITS.depth))
    return unusable(file, revision, 'yaml-syntax', `nested more than ${YAML_LIMITS.depth} levels deep`);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    strict: true,
    uniqueKeys: true,
    stringKeys: true,
    merge: false,
    keepSourceTokens: false,
    prettyErrors: false,
    // 'silent' would also silence a second document.
    logLevel: 'error',
    lineCounter: lines,
  });
  return readDocument(file, revision, text, document, lines);
}

/** The revision that names a file's content everywhere: 12 hex of its SHA-256. */
function revisionOf(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

function readDocument(
  file: string,
  revision: string,
  text: string,
  document: Document.Parsed,
  lines: LineCounter,
): YamlFile {
  const masked = maskSecrets(text, document);
  const at = (start: number, end: number): Position => {
    const { line, col } = lines.linePos(start);
    const room = Math.max(1, (masked[line - 1]?.length ?? 0) - col + 1);
    return {
      file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      length: Math.max(1, Math.min(end - start, room)),
    };
  };
  const report = (position: Position, finding: Finding): Diagnostic => {
    const source = masked[position.line - 1];
    return { ...position, ...finding, ...(source === undefined ? {} : { source }) };
  };
  const aliases = aliasesOf(document);
  const atAlias = (alias: Alias | undefined): Position => at(alias?.range?.[0] ?? 0, alias?.range?.[1] ?? 0);
  const broken = [...document.errors, ...document.warnings].map((error) =>
    report(at(error.pos[0], error.pos[1]), syntaxFinding(error)),
  );
  const problems = broken.length > 0 ? broken : aliases.lost.map((alias) => report(atAlias(alias), LOST_ALIAS));
  const locate = (path: YamlPath, part: 'key' | 'value' = 'value'): Position => {
    const range = rangeOf(document, path, part);
    return range === undefined ? { file, line: 1, column: 1, length: 1 } : at(range[0], range[1]);
  };
  if (problems.length > 0) return { file, revision, value: undefined, diagnostics: problems, locate, report };
  if (document.contents === null)
    return { ...unusable(file, revision, 'yaml-syntax', 'the file is empty'), locate, report };
  try {
    const value: unknown = document.toJS({ maxAliasCount: YAML_LIMITS.aliases });
    if (!isCyclic(value, [])) return { file, revision, value, diagnostics: [], locate, report };
    const inside = aliases.all.find((alias) => holds(alias.resolve(document), alias));
    return { file, revision, value: undefined, diagnostics: [report(atAlias(inside), CYCLIC_ALIAS)], locate, report };
  } catch {
    return {
      ...unusable(file, revision, 'yaml-aliases', `aliases expand to more than ${YAML_LIMITS.aliases} nodes`),
      locate,
      report,
    };
  }
}

/** Not named: a secret that begins with a star and stands without quotes reads as an alias. */
const LOST_ALIAS: Finding = {
  level: 'ERROR',
  code: 'yaml-aliases',
  message: 'this alias points to no anchor before it; text that begins with * needs quotes',
};

const CYCLIC_ALIAS: Finding = { level: 'ERROR', code: 'yaml-aliases', message: 'an alias contains itself' };

/** In one pass: looking an anchor up from each alias would cost the document's length each time. */
function aliasesOf(document: Document.Parsed): { readonly all: readonly Alias[]; readonly lost: readonly Alias[] } {
  const anchors = new Set<string>();
  const [all, lost]: [Alias[], Alias[]] = [[], []];
  visit(document, {
    Alias: (_key, alias) => {
      all.push(alias);
      if (!anchors.has(alias.source)) lost.push(alias);
    },
    Node: (_key, node) => {
      if (node.anchor !== undefined) anchors.add(node.anchor);
    },
  });
  return { all, lost };
}

function holds(node: Node | undefined, alias: Alias): boolean {
  let found = false;
  if (node !== undefined) visit(node, { Alias: (_key, other) => void (found ||= other === alias) });
  return found;
}

/** Everything that walks the value would walk for ever. */
function isCyclic(value: unknown, ancestors: readonly unknown[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return ancestors.includes(value) || Object.values(value).some((each) => isCyclic(each, [...ancestors, value]));
}

function syntaxFinding(error: YAMLError): Finding {
  if (error.code === 'DUPLICATE_KEY')
    return { level: 'ERROR', code: 'duplicate-key', message: 'this key stands twice in the same map' };
  if (error.code === 'MULTIPLE_DOCS')
    return { level: 'ERROR', code: 'yaml-syntax', message: 'the file holds more than one YAML document' };
  // The parser's sentence may quote what it stumbled over, and that may be a secret.
  const message = error.message
    .slice(0, 500)
    .replace(/(["'`]).*\1/gs, '$1…$1')
    .replace(/: .*$/s, '');
  return { level: 'ERROR', code: 'yaml-syntax', message };
}

function unusable(file: string, revision: string, code: string, message: string): YamlFile {
  const position = { file, line: 1, column: 1, length: 1 };
  const report = (place: Position, finding: Finding): Diagnostic => ({ ...place, ...finding });
  return {
    file,
    revision,
    value: undefined,
    diagnostics: [report(position, { level: 'ERROR', code, message: `${basename(file)}: ${message}` })],
    locate: () => position,
    report,
  };
}

function rangeOf(
  document: Document.Parsed,
  path: YamlPath,
  part: 'key' | 'value',
): readonly [number, number] | undefined {
  let node: unknown = document.contents;
  let best = spanOf(node);
  for (const [index, step] of path.entries()) {
    const target: unknown = isAlias(node) ? node.resolve(document) : node;
    if (isMap(target)) {
      const pair = target.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) return best;
      const last = index === path.length - 1;
      if (last && part === 'key') return spanOf(pair.key) ?? best;
      node = pair.value;
      best = spanOf(pair.value) ?? spanOf(pair.key) ?? best;
    } else if (isSeq(target)) {
      node = target.items[Number(step)];
      if (node === undefined) return best;
      best = spanOf(node) ?? best;
    } else return best;
  }
  return best;
}

function spanOf(node: unknown): readonly [number, number] | undefined {
  const range = (node as Node | null | undefined)?.range;
  return range ? [range[0], range[1]] : undefined;
}

/** Flow collections and indentation nest by recursion in any parser; counted before the parser sees them. */
function deeperThan(text: string, limit: number): boolean {
  let flow = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5b || code === 0x7b) deepest = Math.max(deepest, ++flow);
    else if ((code === 0x5d || code === 0x7d) && flow > 0) flow--;
  }
  const indents: number[] = [];
  for (const [indent] of text.matchAll(/^ *(?:[-?] +)*/gm)) {
    while (indents.length > 0 && (indents.at(-1) ?? 0) >= indent.length) indents.pop();
    indents.push(indent.length);
    deepest = Math.max(deepest, indents.length, (indent.match(/[-?]/g) ?? []).length);
  }
  return deepest > limit;
}
