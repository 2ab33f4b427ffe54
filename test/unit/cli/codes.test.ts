import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { documentedCodes, printCodes } from '../../../src/cli/codes.ts';
import { FINDING_CODES } from '../../../src/policy/finding-codes.ts';

const SRC = resolve(import.meta.dirname, '../../../src');

/** `level` and `code` as they stand beside each other in the source: `say('ERROR', 'no-listener'`, `level: 'ERROR', code: 'yaml-syntax'`. */
const REPORTED = /'(ERROR|SECURITY_WARNING|WARNING|SUGGESTION)',\s*(?:code:\s*)?'([a-z]+(?:-[a-z]+)*)'/g;

function reported(): readonly { readonly code: string; readonly level: string; readonly file: string }[] {
  return ['config', 'assemble', 'cli'].flatMap((room) =>
    readdirSync(join(SRC, room), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) =>
        [...readFileSync(join(SRC, room, file), 'utf8').matchAll(REPORTED)].map(([, level = '', code = '']) => ({
          code,
          level,
          file: `${room}/${file}`,
        })),
      ),
  );
}

describe('diagnostic codes', () => {
  const documented = documentedCodes();

  test('each that the source reports is documented with its level', () => {
    const found = reported();
    expect(found.length).toBeGreaterThan(30);
    const known = new Map(documented.map(({ code, level }) => [code, level]));
    // Everybody knows some secrets; at a store of others one is only a warning, as its text says.
    const wrong = found.filter(({ code, level }) => known.get(code) !== level && code !== 'example-secret');
    expect(wrong).toEqual([]);
  });

  test('each that is documented is reported somewhere', () => {
    const source = ['config', 'assemble', 'cli']
      .flatMap((room) =>
        readdirSync(join(SRC, room), { recursive: true, encoding: 'utf8' })
          .filter((file) => file.endsWith('.ts') && !file.endsWith('diagnostic-codes.ts'))
          .map((file) => readFileSync(join(SRC, room, file), 'utf8')),
      )
      .join('\n');
    const own = documented.filter(({ code }) => !Object.hasOwn(FINDING_CODES, code));
    expect(own.filter(({ code }) => !source.includes(`'${code}'`))).toEqual([]);
  });

  test('the table has one row a code, the gravest first', () => {
    let out = '';
    printCodes({ stdout: (text) => void (out += text) }, { json: false });
    const rows = out.trim().split('\n').slice(2);
    expect(rows).toHaveLength(new Set(documented.map(({ code }) => code)).size);
    const levels = rows.map((row) => row.split(' | ')[1]);
    expect([...new Set(levels)]).toEqual(['ERROR', 'SECURITY_WARNING', 'WARNING', 'SUGGESTION']);
    expect(rows).toContain('| `duplicate-key` | ERROR | The same key stands twice in one map. |');
    const shipped = readFileSync(join(SRC, '../docs/reference/diagnostics.md'), 'utf8');
    expect(shipped.slice(shipped.indexOf('| code')).trim()).toBe(out.trim());
  });
});
