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

describe('key names that the policy does not declare', () => {
  const GATEWAY = `version: 1
listeners: [{ name: http, host: 127.0.0.1, port: 9000 }]
stores:
  local: { type: local, directory: ./objects }
  cloud: { type: aws-s3, endpoint: https://s3.example.com, region: us-east-1, credentials: { accessKeyId: '\${env:A}', secretAccessKey: '\${env:B}' } }
keyring: { type: local, file: ./keyring.json }
clients:
  - { accessKeyId: '\${env:C}', secretAccessKey: '\${env:D}', grants: [{ buckets: ['*'], actions: [write] }], keys: [orders, ordres, default] }
  - { accessKeyId: '\${env:E}', secretAccessKey: '\${env:F}', grants: [{ buckets: ['*'], actions: [write] }], keys: ['*'] }
policy: ./policy.yaml
`;
  const RULES = `buckets:
  - { match: a, store: local, encryption: { default: { kms: ordres }, clients: strengthen }, transport: { httpsOnly: true } }
  - { match: b, store: cloud, encryption: { default: { kms: far }, clients: strengthen }, transport: { httpsOnly: true } }
`;
  const checked = (policy: string, ...more: readonly string[]): ReturnType<typeof bucketseal> => {
    const readFile = (path: string) => ({ ok: true as const, text: path.endsWith('policy.yaml') ? policy : GATEWAY });
    return bucketseal(['check', ...more, '--config', 'gateway.yaml'], policyServices({ names: NAMES, readFile }));
  };

  test('are errors wherever they stand, also in a client’s grants, with the name that was meant', async () => {
    const { code, out } = await checked(`version: 1\nkeys: { orders: {} }\n${RULES}`);
    expect(code).toBe(EXIT.invalid);
    expect(out).toMatch(
      /^gateway\.yaml:8:\d+ error alias-undeclared {2}"keys" of the policy has no key "ordres"; did you mean "orders"\?$/m,
    );
    expect(out).toMatch(
      /^policy\.yaml:4:\d+ error alias-undeclared {2}"keys" has no key "ordres"; did you mean "orders"\?$/m,
    );
    expect(out).toMatch(/^policy\.yaml:5:\d+ error alias-unresolved {2}"keys" has no key "far"/m);
    expect(out.match(/error alias/g)).toHaveLength(3);
  });

  test('are printed as lines to paste, which mend a policy that has no `keys:` at all', async () => {
    const bare = await checked(`version: 1\n${RULES}`);
    const block = [
      'keys:',
      '  "orders": {}',
      '  "ordres": { keyring: "ordres" }',
      '  "far": { cloud: "<its id at cloud>" }',
      '',
    ].join('\n');
    expect([bare.code, bare.out]).toEqual([EXIT.invalid, expect.stringContaining(block)]);
    const pasted = await checked(`version: 1\n${block}${RULES}`);
    expect([pasted.code, pasted.out]).toEqual([EXIT.ok, expect.not.stringContaining('alias')]);
  });

  test('stand with their line in the JSON as well', async () => {
    const { out } = await checked(`version: 1\n${RULES}`, '--json');
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { code: string; declare?: string });
    expect(lines.map(({ code, declare }) => [code, declare])).toEqual([
      ['alias-undeclared', '"orders": {}'],
      ['alias-undeclared', '"ordres": {}'],
      ['alias-undeclared', '"ordres": { keyring: "ordres" }'],
      ['alias-unresolved', '"far": { cloud: "<its id at cloud>" }'],
    ]);
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
