import { describe, expect, test } from 'vitest';
import { exitCodeOf, inOrder, renderJson, renderText, summaryOf } from '../../../src/config/diagnostics.ts';
import type { Diagnostic, Level } from '../../../src/config/diagnostics.ts';
import { parseYamlFile } from '../../../src/config/yaml-file.ts';
import { checkSchema } from '../../../src/config/schema-check.ts';
import { didYouMean } from '../../../src/config/suggestion.ts';
import { gatewaySchema } from '../../../src/config/gateway-schema.ts';
import { NAMES } from './gateway-names.ts';

function diagnostic(level: Level, line = 1, file = 'a.yaml'): Diagnostic {
  return { file, line, column: 1, length: 1, level, code: 'code', message: `${level} at ${line}` };
}

describe('a diagnostic', () => {
  test('is printed as file:line:column level code, source line and caret', () => {
    const text = 'version: 1\nstores:\n  hangzhou:\n    tpye: aliyun-oss\n';
    const file = parseYamlFile('policy.yaml', text);
    const found = checkSchema(file, gatewaySchema(NAMES)).find(({ code }) => code === 'unknown-key');
    expect(renderText(found!)).toBe(
      [
        'policy.yaml:4:5 error unknown-key  unknown key "tpye" in store; did you mean "type"?',
        '  4 |     tpye: aliyun-oss',
        '    |     ^^^^',
      ].join('\n'),
    );
  });

  test('is one JSON object with stable names', () => {
    expect(JSON.parse(renderJson({ ...diagnostic('ERROR'), suggestion: 's', source: 'x' }))).toEqual({
      file: 'a.yaml',
      line: 1,
      column: 1,
      level: 'ERROR',
      code: 'code',
      message: 'ERROR at 1',
      suggestion: 's',
      source: 'x',
    });
  });

  test('keeps its caret under tabs and wide gutters', () => {
    const rendered = renderText({ ...diagnostic('WARNING', 120), column: 3, length: 2, source: '\t\tab' });
    expect(rendered.split('\n').slice(1)).toEqual(['  120 | \t\tab', '      | \t\t^^']);
  });

  test('cuts a very long line around its column', () => {
    const source = `${'x'.repeat(5000)}HERE${'y'.repeat(5000)}`;
    const [, line = '', caret = ''] = renderText({ ...diagnostic('ERROR'), column: 5001, length: 4, source }).split(
      '\n',
    );
    expect(line.length).toBeLessThan(200);
    expect(line.slice(caret.indexOf('^'), caret.lastIndexOf('^') + 1)).toBe('HERE');
  });
});

describe('exit codes', () => {
  test.each([
    [[], false, 0],
    [[], true, 0],
    [['ERROR'], false, 3],
    [['WARNING'], false, 0],
    [['WARNING'], true, 3],
    [['SECURITY_WARNING'], false, 0],
    [['SECURITY_WARNING'], true, 3],
    [['SUGGESTION'], true, 0],
  ] as const)('%j strict %s: %i', (levels, strict, code) => {
    expect(
      exitCodeOf(
        levels.map((level) => diagnostic(level)),
        { strict },
      ),
    ).toBe(code);
  });
});

test('findings come in the order of the files and of their lines, each once', () => {
  const mixed = [
    diagnostic('WARNING', 9),
    diagnostic('ERROR', 2, 'b.yaml'),
    diagnostic('ERROR', 3),
    diagnostic('ERROR', 3),
  ];
  expect(inOrder(mixed).map(({ file, line }) => `${file}:${line}`)).toEqual(['a.yaml:3', 'a.yaml:9', 'b.yaml:2']);
});

test('the summary counts', () => {
  expect(summaryOf([])).toBe('no findings');
  expect(summaryOf([diagnostic('ERROR'), diagnostic('ERROR'), diagnostic('SECURITY_WARNING')])).toBe(
    '2 errors, 1 security warning',
  );
});

describe('did you mean', () => {
  const names = ['type', 'endpoint', 'secretAccessKey', 'httpsOnly', 'minTls', 'by'];
  test.each([
    ['tpye', 'type'],
    ['endpiont', 'endpoint'],
    ['secret_access_key', 'secretAccessKey'],
    ['HTTPSOnly', 'httpsOnly'],
    ['mintls', 'minTls'],
  ])('%s is %s', (written, meant) => expect(didYouMean(written, names)).toBe(`did you mean "${meant}"?`));

  test.each(['banana', 'x', '', 'q'.repeat(10_000)])('%s is nothing that is known', (written) =>
    expect(didYouMean(written, names)).toBeUndefined(),
  );
});

describe('hostile YAML', () => {
  const billion = Array.from({ length: 30 }, (_, i) => `a${i}: &a${i} [${`*a${i - 1},`.repeat(9)}1]`).slice(1);
  test.each([
    ['exponential aliases', `a0: &a0 [1]\n${billion.join('\n')}\n`],
    ['deep flow lists', '['.repeat(100_000)],
    ['deep flow maps', '{a: '.repeat(100_000)],
    ['deep block lists', `${'- '.repeat(100_000)}x`],
    ['deep block maps', Array.from({ length: 900 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['a huge file', 'a: b\n'.repeat(300_000)],
    ['an endless key', `? ${'k'.repeat(900_000)}`],
    ['a self-reference', 'a: &a [*a]\n'],
  ])('%s do not hang and are refused or harmless', { timeout: 10_000 }, (_name, text) => {
    const file = parseYamlFile('bomb.yaml', text);
    const found = [...file.diagnostics, ...(file.value === undefined ? [] : checkSchema(file, gatewaySchema(NAMES)))];
    expect(found.length).toBeGreaterThan(0);
  });

  test('__proto__ reaches no prototype', () => {
    const file = parseYamlFile(
      'p.yaml',
      '__proto__: { polluted: true }\nconstructor: { prototype: { polluted: true } }\n',
    );
    expect(checkSchema(file, gatewaySchema(NAMES)).map(({ code }) => code)).toContain('unknown-key');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
