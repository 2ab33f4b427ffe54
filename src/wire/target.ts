import { decodeComponent } from './percent-encoding.ts';
import type { QueryParameter } from './message.ts';

/** A request target in origin form, split but not normalised. */
export interface RequestTarget {
  /** Before `?`, byte for byte. */
  readonly path: string;
  readonly query: readonly QueryParameter[];
}

export type TargetOutcome =
  | { readonly ok: true; readonly target: RequestTarget }
  | { readonly ok: false; readonly reason: 'not-origin-form' | 'forbidden-character' | 'bad-escape' };

/**
 * Splits a raw request target. Absolute form, `*` and authority form are refused: their host could differ from the
 * signed one. Escapes of the query are judged here, those of the path by whoever decodes the path.
 */
export function parseTarget(target: string): TargetOutcome {
  if (!target.startsWith('/')) return { ok: false, reason: 'not-origin-form' };
  // A fragment never belongs on the wire, and bytes outside printable ASCII are read differently by every server.
  if (!/^[!-~]*$/.test(target) || target.includes('#')) return { ok: false, reason: 'forbidden-character' };
  const mark = target.indexOf('?');
  const query = mark === -1 ? [] : parseQuery(target.slice(mark + 1));
  if (query === undefined) return { ok: false, reason: 'bad-escape' };
  return { ok: true, target: { path: mark === -1 ? target : target.slice(0, mark), query } };
}

/** Parses a query without `?`, keeping order and duplicates; empty segments are dropped. Undefined for a bad escape. */
export function parseQuery(raw: string): readonly QueryParameter[] | undefined {
  const parameters: QueryParameter[] = [];
  for (const segment of raw.split('&')) {
    if (segment === '') continue;
    const equals = segment.indexOf('=');
    const rawName = equals === -1 ? segment : segment.slice(0, equals);
    const rawValue = equals === -1 ? undefined : segment.slice(equals + 1);
    const name = decodeComponent(rawName, { plusIsSpace: true });
    const value = rawValue === undefined ? undefined : decodeComponent(rawValue, { plusIsSpace: true });
    if (name === undefined || (rawValue !== undefined && value === undefined)) return undefined;
    parameters.push({ rawName, rawValue, name, value });
  }
  return parameters;
}
