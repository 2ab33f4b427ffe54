import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { judgePolicy } from '../../../src/cli/policy-services.ts';
import { DIAGNOSTIC_CODES } from '../../../src/config/diagnostic-codes.ts';
import { renderJson, renderText } from '../../../src/config/diagnostics.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { LoadOutcome } from '../../../src/config/load.ts';
import { readConfigFile } from '../../../src/config/source-file.ts';
import { FINDING_CODES } from '../../../src/policy/finding-codes.ts';
import { NAMES } from './gateway-names.ts';

const VECTORS = resolve(import.meta.dirname, '../../vectors/config');

/** Every vector ends with its expectations: `# expect: [file:]line:column LEVEL code`, in the order they are printed. */
function expectationsOf(path: string): readonly string[] {
  return [...readFileSync(path, 'utf8').matchAll(/^# expect: (.*)$/gm)].map((match) => match[1] ?? '');
}

function foundIn(outcome: LoadOutcome, own: string): readonly string[] {
  return outcome.diagnostics.map(({ file, line, column, level, code }) => {
    const other = resolve(file) === own ? '' : `${relative(join(own, '..'), file)}:`;
    return `${other}${line}:${column} ${level} ${code}`;
  });
}

const load = (file: string): LoadOutcome => loadConfig(file, { names: NAMES, readFile: readConfigFile, judgePolicy });

/** A policy vector under the good gateway. */
const loadPolicy = (file: string): LoadOutcome =>
  loadConfig(join(VECTORS, 'good/gateway.yaml'), {
    names: NAMES,
    judgePolicy,
    readFile: (path) => readConfigFile(path.endsWith('gateway.yaml') ? path : file),
  });

const broken = readdirSync(join(VECTORS, 'gateway'))
  .map((name) => ({ name: `gateway ${name}`, path: join(VECTORS, 'gateway', name), load }))
  .concat(
    readdirSync(join(VECTORS, 'policy')).map((name) => ({
      name: `policy ${name}`,
      path: join(VECTORS, 'policy', name),
      load: loadPolicy,
    })),
  );

describe('broken files', () => {
  test('there are enough of them, and each says what it expects', () => {
    expect(broken.length).toBeGreaterThan(80);
    expect(broken.filter(({ path }) => expectationsOf(path).length === 0)).toEqual([]);
  });

  test('the good ones pass without a finding', () => {
    const outcome = load(join(VECTORS, 'good/gateway.yaml'));
    expect(outcome.diagnostics).toEqual([]);
    expect(outcome.config).toBeDefined();
    expect(outcome.policy).toBeDefined();
  });

  test.each(broken)('$name is told at its line and column', ({ path, load: loadOne }) => {
    const outcome = loadOne(path);
    const own = path.includes('/policy/') ? join(VECTORS, 'good/policy.yaml') : path;
    expect(foundIn(outcome, own)).toEqual(expectationsOf(path));
  });

  test('an error keeps the configuration from being used', () => {
    for (const { path, load: loadOne } of broken) {
      const outcome = loadOne(path);
      const failed = outcome.diagnostics.some(({ level }) => level === 'ERROR');
      expect(outcome.config !== undefined && outcome.policy !== undefined, path).toBe(!failed);
    }
  });

  test('no secret in clear is ever printed', () => {
    const marked = broken.filter(({ path }) => readFileSync(path, 'utf8').includes('TOPSECRET'));
    expect(marked.length).toBeGreaterThan(6);
    for (const { path, load: loadOne } of marked) {
      const { diagnostics } = loadOne(path);
      const printed = diagnostics.map((each) => renderText(each) + renderJson(each)).join('\n');
      expect(printed, path).not.toContain('TOPSECRET');
    }
  });

  test('every code is on the documented list', () => {
    const known = new Set([...Object.keys(DIAGNOSTIC_CODES), ...Object.keys(FINDING_CODES)]);
    const codes = broken.flatMap(({ path, load: loadOne }) => loadOne(path).diagnostics.map(({ code }) => code));
    expect(codes.filter((code) => !known.has(code))).toEqual([]);
  });
});
