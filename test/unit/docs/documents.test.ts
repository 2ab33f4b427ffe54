import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { blocks, deadLinks, markdownFiles, namedPaths, ROOT, textOf } from './markdown.ts';
import { check } from './check-command.ts';

const FILES = markdownFiles();

/** What the README's policy takes for granted of the operators' file. */
const GATEWAY = `
version: 1
listeners: [{ name: http, host: 127.0.0.1, port: 9000 }]
stores:
  local: { type: local, directory: ./objects }
  hangzhou:
    type: aliyun-oss
    endpoint: https://oss-cn-hangzhou.aliyuncs.com
    region: cn-hangzhou
    credentials: { accessKeyId: '\${env:OSS_KEY_ID}', secretAccessKey: '\${env:OSS_KEY_SECRET}' }
keyring: { type: local, file: ./keyring.json }
clients: []
policy: ./policy.yaml
`;

describe('the documents', () => {
  test('are found', () => {
    expect(FILES).toContain('README.md');
    expect(FILES).toContain('docs/decisions/README.md');
    expect(FILES).toContain('src/envelope/FORMAT.md');
  });

  test.each(FILES)('%s links to what exists', (file) => {
    expect(deadLinks(file)).toEqual([]);
  });

  // A changelog names what was.
  test.each(FILES.filter((file) => file !== 'CHANGELOG.md'))('%s names paths that exist', (file) => {
    expect(namedPaths(file).filter((path) => !existsSync(join(ROOT, path)) && !PROMISED.test(path))).toEqual([]);
  });

  test('every decision is listed, with the date that stands in it', () => {
    const list = textOf('docs/decisions/README.md');
    const decisions = FILES.filter((file) => /^docs\/decisions\/(?!README)/.test(file));
    expect(decisions.length).toBeGreaterThan(10);
    for (const file of decisions) {
      const [, date = 'no date'] = /^(\d{4}-\d{2}-\d{2})/m.exec(textOf(file)) ?? [];
      const name = file.slice('docs/decisions/'.length);
      expect(
        list.split('\n').find((line) => line.includes(`(${name})`)),
        file,
      ).toContain(date);
      for (const part of ['**Context.**', '**Choice.**', '**Cost.**']) expect(textOf(file), file).toContain(part);
    }
  });
});

/** Made by the reader: a page of instructions names them before they exist. */
const PROMISED = /^(?:src\/dialects|test\/vectors|test\/unit\/dialects)\/acme\/|^config\/try-out\/\.env$/;

describe('the README', () => {
  const readme = textOf('README.md');

  test('has lines of at most 100 characters', () => {
    expect(readme.split('\n').filter((line) => line.length > 100)).toEqual([]);
  });

  test('shows a policy that `check` accepts', () => {
    const [policy = ''] = blocks(readme, 'yaml').filter((block) => block.startsWith('version: 1'));
    const directory = mkdtempSync(join(tmpdir(), 'readme-'));
    try {
      writeFileSync(join(directory, 'policy.yaml'), policy);
      writeFileSync(join(directory, 'gateway.yaml'), GATEWAY);
      const { status, output } = check(join(directory, 'gateway.yaml'));
      expect(output).not.toContain(' error ');
      expect(output).not.toContain('policy.yaml:');
      expect(status).toBe(0);
      // The same file with a word that no policy knows: the check looks at it indeed.
      writeFileSync(join(directory, 'policy.yaml'), policy.replace('clients: strengthen', 'clients: whatever'));
      expect(check(join(directory, 'gateway.yaml')).status).toBe(3);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('names commands that exist', () => {
    const scripts = (JSON.parse(textOf('package.json')) as { readonly scripts: Record<string, string> }).scripts;
    const named = FILES.flatMap((file) =>
      [...textOf(file).matchAll(/\bnpm (?:run (?:-s )?)?(start|test|[a-z:]+)\b/g)].map(([whole, name = '']) => ({
        whole,
        name,
      })),
    ).filter(({ whole, name }) => whole.includes(' run ') || name === 'start' || name === 'test');
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter(({ name }) => scripts[name] === undefined)).toEqual([]);
  });
});
