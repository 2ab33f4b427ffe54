import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { renderText } from '../../../src/config/diagnostics.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { ResolveOutcome } from '../../../src/config/load.ts';
import { maskSecrets, namesSecret } from '../../../src/config/secret-mask.ts';
import { parseReference, readReferencedFile } from '../../../src/config/secret-reference.ts';
import { NAMES } from './gateway-names.ts';

const strong = (): string => randomBytes(30).toString('base64url');
const directory = mkdtempSync(join(tmpdir(), 'bucketseal-secrets-'));

function written(name: string, content: string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, content, { mode });
  chmodSync(path, mode);
  return path;
}

function resolved(
  references: { readonly id?: string; readonly secret: string; readonly store?: string },
  environment: Readonly<Record<string, string>>,
): ResolveOutcome {
  const text = `version: 1
listeners: [{ name: http, port: 0 }]
stores:
  cloud: { type: s3, endpoint: "https://s.example.com", region: r, credentials: { accessKeyId: id, secretAccessKey: "${references.store ?? '${env:STORE}'}" } }
clients: [{ accessKeyId: "${references.id ?? '${env:ID}'}", secretAccessKey: "${references.secret}", grants: [{ buckets: [a], actions: [read] }] }]
policy: policy.yaml
`;
  const policy = 'version: 1\nbuckets: [{ match: a, store: cloud, encryption: { default: managed } }]\n';
  const outcome = loadConfig(join(directory, 'gateway.yaml'), {
    names: NAMES,
    judgePolicy: () => [],
    readFile: (path) => ({ ok: true, text: path.endsWith('policy.yaml') ? policy : text }),
  });
  expect(outcome.diagnostics).toEqual([]);
  return outcome.resolve({
    environment: { ID: 'APPID', STORE: strong(), ...environment },
    readFile: readReferencedFile,
  });
}

const codes = ({ diagnostics }: ResolveOutcome): readonly string[] => diagnostics.map(({ code }) => code);

describe('references', () => {
  test('the environment and files are read, and the value prints as redacted', () => {
    const [one, other] = [strong(), strong()];
    const file = written('good', `${other}\n`);
    const { config, diagnostics } = resolved({ secret: '${env:ONE}', store: `\${file:${file}}` }, { ONE: one });
    expect(diagnostics).toEqual([]);
    expect(config?.clients[0]?.accessKeyId).toBe('APPID');
    expect(config?.clients[0]?.secretAccessKey.reveal()).toBe(one);
    const store = config?.stores['cloud'];
    expect(store?.kind === 'remote' && store.credentials.secretAccessKey.reveal()).toBe(other);
    const printed = `${inspect(config, { depth: 9 })} ${JSON.stringify(config)}`;
    expect(printed).not.toContain(one);
    expect(printed).not.toContain(other);
  });

  test('relative files stand relative to the configuration', () => {
    written('near', strong());
    expect(resolved({ secret: '${file:near}' }, {}).diagnostics).toEqual([]);
    expect(parseReference('${file:../x/y}', [], '/etc/gateway')).toMatchObject({ from: 'file', value: '/etc/x/y' });
  });

  test.each([
    ['absent', {}, 'unresolved-reference'],
    ['empty', { S: '' }, 'empty-secret'],
    ['blank', { S: '   ' }, 'empty-secret'],
    ['of two lines', { S: 'abcdefghijklmnop\nqrstuvwxyz' }, 'bad-secret'],
    ['short', { S: randomBytes(11).toString('base64url') }, 'short-secret'],
    ['from the documentation', { S: ['wJalrXUtnFEMI/K7MDENG', 'bPxRfiCYEXAMPLEKEY'].join('/') }, 'example-secret'],
    ['a default of another product', { S: 'minioadmin' }, 'example-secret'],
    ['one character again and again', { S: 'a'.repeat(40) }, 'example-secret'],
  ])('a client secret that is %s is refused', (_name, environment, code) => {
    const outcome = resolved({ secret: '${env:S}' }, environment);
    expect(codes(outcome)).toEqual([code]);
    expect(outcome.config).toBeUndefined();
  });

  test('a store of others may have a weak secret, with a warning', () => {
    const outcome = resolved({ secret: '${env:S}' }, { S: strong(), STORE: 'minioadmin' });
    expect(outcome.diagnostics.map(({ level, code }) => [level, code])).toEqual([
      ['SECURITY_WARNING', 'example-secret'],
    ]);
    expect(outcome.config).toBeDefined();
  });

  test('a directory, a pipe, a huge file and a missing file are refused without waiting', () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const huge = written('huge', 'x'.repeat(70_000));
    for (const path of [directory, pipe, huge, join(directory, 'nowhere')])
      expect(codes(resolved({ secret: `\${file:${path}}` }, {})), path).toEqual(['unresolved-reference']);
  });

  test('a symlink to a regular file is followed, as projected volumes need it', () => {
    const link = join(directory, 'link');
    symlinkSync(written('target', strong()), link);
    expect(resolved({ secret: `\${file:${link}}` }, {}).config).toBeDefined();
  });

  test('a file that everybody can read is warned about', () => {
    const file = written('open', strong(), 0o644);
    expect(codes(resolved({ secret: `\${file:${file}}` }, {}))).toEqual(['readable-secret']);
  });

  test('two references to one key id are refused', () => {
    const text = resolved({ id: '${env:ID}', secret: '${env:S}' }, { S: strong() });
    expect(text.config?.clients).toHaveLength(1);
  });

  test('no finding shows a value', () => {
    const weak = 'tooshort-xyzzy';
    const { diagnostics } = resolved({ secret: '${env:S}' }, { S: weak });
    expect(diagnostics.map((each) => renderText(each)).join()).not.toContain('xyzzy');
  });
});

describe('masking', () => {
  test.each(['secretAccessKey', 'sessionToken', 'secretAcessKey', 'secret_key', 'Password', 'vaultToken', 'passwrd'])(
    '%s names a secret',
    (key) => expect(namesSecret(key)).toBe(true),
  );

  test.each(['accessKeyId', 'key', 'keys', 'stores', 'type', 'endpoint', 'region', 'certificate', 'policy'])(
    '%s names none',
    (key) => expect(namesSecret(key)).toBe(false),
  );

  test.each([
    'secretAccessKey: TOPSECRET',
    'secretAccessKey:   "TOP SECRET, TOPSECRET"',
    "{ a: 1, sessionToken: 'TOPSECRET' }",
    '{ "secretAccessKey": "TOPSECRET", broken: [ }',
    '- password: TOPSECRET # comment',
    'endpoint: https://me:TOPSECRET@example.com',
    'secretAccessKey: "TOPSECRET',
  ])('a broken file shows no secret: %s', (line) => {
    expect(maskSecrets(line, undefined).join('\n')).not.toMatch(/TOP|SECRET[^a-z]/);
  });

  test('references stay readable, and columns stay where they are', () => {
    const line = '{ secretAccessKey: "${env:A}", sessionToken: abc, x: 1 }';
    expect(maskSecrets(line, undefined)).toEqual(['{ secretAccessKey: "${env:A}", sessionToken: ***, x: 1 }']);
  });
});
