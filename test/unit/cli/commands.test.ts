import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT } from '../../../src/cli/exit-codes.ts';
import { policyServices } from '../../../src/cli/policy-services.ts';
import { StartRefused } from '../../../src/cli/ports.ts';
import type { Services } from '../../../src/cli/ports.ts';
import { run } from '../../../src/cli/run.ts';
import { readConfigFile } from '../../../src/config/source-file.ts';
import { NAMES } from '../config/gateway-names.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const GATEWAYS = ['quickstart', 'gateway', 'three-cloud/gateway', 'strict/gateway'].map((name) =>
  join(ROOT, 'config', `${name}.yaml`),
);
const BROKEN = join(ROOT, 'test/vectors/config/gateway/tag-misspelt-in-store.yaml');

async function bucketseal(
  argv: readonly string[],
  more: Partial<Services> = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  let [out, err] = ['', ''];
  const services: Services = {
    ...policyServices({ names: NAMES, readFile: readConfigFile }),
    stdout: (text) => void (out += text),
    stderr: (text) => void (err += text),
    colours: false,
    now: () => Date.UTC(2026, 10, 21),
    checkOnline: async () => [],
    readHead: async () => Promise.resolve({ kind: 'unreadable', reason: 'no language is known here' }),
    storePreviews: () => [],
    clientIds: () => [],
    serve: async () => Promise.reject(new StartRefused([])),
    status: async () => ({ reachable: false, detail: {} }),
    openKeys: async () => ({ ok: false, reason: 'no keyring is known here' }),
    schemas: () => ({ gateway: { title: 'g' }, policy: { title: 'p' }, cases: { title: 'c' } }),
    readFile: readConfigFile,
    writeFile: () => undefined,
    ...more,
  };
  const code = await run(services, argv);
  return { code, out, err };
}

describe('check', () => {
  test.each(GATEWAYS)('%s has no error', async (file) =>
    expect((await bucketseal(['check', '--config', file])).code).toBe(EXIT.ok),
  );
  test('the strict sample passes --strict, the quickstart does not', async () => {
    expect((await bucketseal(['check', '--strict', '--config', GATEWAYS[3]!])).code).toBe(EXIT.ok);
    expect((await bucketseal(['check', '--strict', '--config', GATEWAYS[0]!])).code).toBe(EXIT.invalid);
  });
  test('a broken file is 3, as text and as JSON lines', async () => {
    const text = await bucketseal(['check', '--config', BROKEN]);
    expect([text.code, text.out.split('\n')[0]]).toEqual([
      3,
      `${BROKEN}:6:5 error unknown-key  unknown key "tpye" in store; did you mean "type"?`,
    ]);
    const json = await bucketseal(['check', '--json', '--config', BROKEN]);
    expect(
      json.out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { code: string }).code),
    ).toEqual(['unknown-key']);
  });
});

describe('test, explain, diff', () => {
  test.each(GATEWAYS)('the cases beside %s pass', async (file) => {
    const { code, out } = await bucketseal(['test', '--config', file]);
    expect([code, out]).toEqual([EXIT.ok, expect.stringMatching(/^\d+ passed, 0 failed\n$/)]);
  });
  test('a failing case is 4 and stands in the JUnit report', async () => {
    let report = '';
    const text = 'version: 1\ncases:\n  - { name: "a <b>", request: { bucket: kms-a }, expect: { effect: deny } }\n';
    const path = join(mkdtempSync(join(tmpdir(), 'cases-')), 'junit.xml');
    const { code } = await bucketseal(['test', '--config', GATEWAYS[0]!, '--junit', path, 'cases.yaml'], {
      readFile: () => ({ ok: true, text }),
      writeFile: (_path, written) => void (report = written),
    });
    expect(code).toBe(EXIT.testsFailed);
    expect(report).toContain('name="a &lt;b&gt;"');
    expect(report).toContain('effect: expected deny, got allow');
  });
  test('explain names the winner and the outcome', async () => {
    const { code, out } = await bucketseal(['explain', '--config', GATEWAYS[0]!, '--bucket', 'secure-x', '--http']);
    expect(code).toBe(EXIT.ok);
    expect(out).toMatch(/policy\.yaml:\d+ {2}secure-\*/);
    expect(out).toContain('deny AccessDenied');
  });
  test('diff is 0 for the same meaning and 2 for another', async () => {
    const [a, b] = [join(ROOT, 'config/policy.yaml'), join(ROOT, 'config/strict/policy.yaml')];
    expect((await bucketseal(['diff', a, a])).code).toBe(EXIT.ok);
    expect((await bucketseal(['diff', a, b])).code).toBe(EXIT.differences);
  });
});

describe('exit codes of the rest', () => {
  test.each([
    [['check'], EXIT.usage],
    [['chekc'], EXIT.usage],
    [['schema', 'nothing'], EXIT.usage],
    [['--help'], EXIT.ok],
    [['schema', 'policy'], EXIT.ok],
    [['serve', '--config', 'x.yaml'], EXIT.invalid],
    [['status', '--config', 'x.yaml'], EXIT.remote],
  ] as const)('%j', async (argv, code) => expect((await bucketseal(argv)).code).toBe(code));
  test('an unexpected failure is 1 without a stack', async () => {
    const { code, err } = await bucketseal(['serve', '--config', 'x'], {
      serve: async () => Promise.reject(new Error('boom')),
    });
    expect([code, err]).toEqual([EXIT.unexpected, 'bucketseal: boom\n']);
  });
});
