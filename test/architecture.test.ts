import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, expect, test } from 'vitest';

const SRC = resolve(import.meta.dirname, '../src');

/** Who may import whom. `assemble` alone knows every room; `main` knows `assemble` and `cli`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  main: ['assemble', 'cli'],
  assemble: [
    'cli',
    'inspection',
    'server',
    'gateway',
    'backends',
    'dialects',
    'keyrings',
    'envelope',
    'policy',
    'config',
    'telemetry',
    'wire',
    'model',
  ],
  cli: ['inspection', 'config', 'policy', 'model'],
  inspection: ['config', 'gateway', 'dialects', 'policy', 'wire', 'model', 'telemetry'],
  config: ['policy', 'model'],
  server: ['wire', 'model'],
  gateway: ['backends', 'envelope', 'policy', 'dialects', 'wire', 'model'],
  backends: ['dialects', 'envelope', 'wire', 'model'],
  dialects: ['wire', 'model'],
  keyrings: ['envelope', 'model'],
  envelope: ['model'],
  policy: ['model'],
  telemetry: ['model'],
  wire: [],
  model: [],
};

/** Narrower than a room: which files of it another room may see. */
const ONLY_FILES: readonly { readonly from: string; readonly to: RegExp; readonly allowed: RegExp }[] = [
  { from: 'backends', to: /^dialects\//, allowed: /^dialects\/(dialect|index)\.ts$/ },
  { from: 'backends', to: /^envelope\//, allowed: /^envelope\/sizes\.ts$/ },
  { from: 'gateway', to: /^dialects\//, allowed: /^dialects\/(dialect|index)\.ts$/ },
  { from: 'cli', to: /^inspection\//, allowed: /^inspection\/question\.ts$/ },
  { from: 'inspection', to: /^dialects\//, allowed: /^dialects\/(dialect|index)\.ts$/ },
  { from: 'config', to: /^policy\//, allowed: /^policy\/(schema|document)\.ts$/ },
];

/** Packages that live in one place only. */
const PACKAGE_HOME: readonly { readonly name: RegExp; readonly home: RegExp }[] = [
  { name: /^(fastify|@fastify\/.*)$/, home: /^server\// },
  { name: /^undici$/, home: /^(backends\/transport\.ts|server\/passthrough\.ts)$/ },
  { name: /^fast-xml-parser$/, home: /^(dialects|wire)\// },
  { name: /^(yaml|ajv|ajv\/.*|ajv-formats)$/, home: /^config\// },
  { name: /^@opentelemetry\/sdk.*|^@opentelemetry\/exporter.*|^pino$/, home: /^telemetry\// },
  { name: /^node:sqlite$/, home: /^backends\/local\// },
];

interface Source {
  readonly file: string;
  readonly room: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sources(): readonly Source[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => {
      const text = readFileSync(join(SRC, file), 'utf8');
      const path = file.split(sep).join('/');
      const imports = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
      return {
        file: path,
        room: roomOf(path),
        text,
        imports,
      };
    });
}

function roomOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : path.replace(/\.ts$/, '');
}

function targetOf(source: Source, specifier: string): string {
  return relative(SRC, resolve(SRC, dirname(source.file), specifier))
    .split(sep)
    .join('/');
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

describe('the house', () => {
  const all = sources();

  test('has only the rooms named here', () => {
    expect(all.map((source) => source.room).filter((room) => !(room in MAY_IMPORT))).toEqual([]);
  });

  test('a room imports only the rooms it may', () => {
    const broken = all.flatMap((source) =>
      source.imports
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => targetOf(source, specifier))
        .filter((target) => roomOf(target) !== source.room && !(MAY_IMPORT[source.room] ?? []).includes(roomOf(target)))
        .map((target) => `${source.file} imports ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test('no permission stands there that nobody uses', () => {
    const used = new Set(
      all.flatMap((source) =>
        source.imports
          .filter((specifier) => specifier.startsWith('.'))
          .map((specifier) => `${source.room} ${roomOf(targetOf(source, specifier))}`),
      ),
    );
    const permissions = Object.entries(MAY_IMPORT).flatMap(([room, others]) =>
      others.map((other) => `${room} ${other}`),
    );
    expect(permissions.filter((permission) => !used.has(permission))).toEqual([]);
  });

  test('no file imports itself, by whatever way round', () => {
    const imports = new Map(
      all.map((source) => [
        source.file,
        source.imports.filter((specifier) => specifier.startsWith('.')).map((specifier) => targetOf(source, specifier)),
      ]),
    );
    // What is left when files that import nothing (more) are taken away, again and again, is circles.
    for (let before = -1; before !== imports.size;) {
      before = imports.size;
      for (const [file, targets] of imports) if (!targets.some((target) => imports.has(target))) imports.delete(file);
    }
    expect([...imports.keys()]).toEqual([]);
  });

  test('a folder of the gateway and of the dialects holds what one can look over', () => {
    const folders = Map.groupBy(
      all.filter(({ room }) => room === 'gateway' || room === 'dialects'),
      ({ file }) => dirname(file),
    );
    expect([...folders].filter(([, files]) => files.length > 16).map(([folder]) => folder)).toEqual([]);
  });

  test('a room sees only the doors of another room', () => {
    const broken = all.flatMap((source) =>
      source.imports
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => targetOf(source, specifier))
        .filter((target) =>
          ONLY_FILES.some((rule) => rule.from === source.room && rule.to.test(target) && !rule.allowed.test(target)),
        )
        .map((target) => `${source.file} imports ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test('between dialects, only a variant imports, and only s3', () => {
    const broken = all
      .filter((source) => source.room === 'dialects' && source.file.split('/').length > 2)
      .flatMap((source) =>
        source.imports
          .filter((specifier) => specifier.startsWith('.'))
          .map((specifier) => targetOf(source, specifier))
          .filter((target) => {
            const [own, other] = [
              source.file.split('/')[1],
              target.startsWith('dialects/') ? target.split('/')[1] : undefined,
            ];
            return other !== undefined && !other.endsWith('.ts') && other !== own && !(own !== 'oss' && other === 's3');
          })
          .map((target) => `${source.file} imports ${target}`),
      );
    expect(broken).toEqual([]);
  });

  test('a package stays in its home', () => {
    const broken = all.flatMap((source) =>
      source.imports
        .filter((specifier) => PACKAGE_HOME.some(({ name, home }) => name.test(specifier) && !home.test(source.file)))
        .map((specifier) => `${source.file} imports ${specifier}`),
    );
    expect(broken).toEqual([]);
  });

  test('outside dialects no string names a vendor header or a dialect', () => {
    const literal = /(['"`])(?:x-amz-[^'"`]*|x-oss-[^'"`]*|x-aws-[^'"`]*|s3|oss|jd)\1/g;
    const broken = all
      .filter((source) => source.room !== 'dialects')
      .flatMap((source) =>
        [...withoutComments(source.text).matchAll(literal)].map((match) => `${source.file}: ${match[0]}`),
      );
    expect(broken).toEqual([]);
  });

  test('the environment is read in config only, and one file decrypts', () => {
    const code = all.map((source) => ({ file: source.file, code: withoutComments(source.text) }));
    expect(
      code
        .filter(({ file, code: text }) => /process\.env/.test(text) && !file.startsWith('config/'))
        .map(({ file }) => file),
    ).toEqual([]);
    expect(code.filter(({ code: text }) => text.includes('createDecipheriv(')).length).toBeLessThanOrEqual(1);
  });

  test('files are named for a noun, export by name, and stay under 400 lines', () => {
    expect(
      all.filter(({ file }) => /(^|\/)(utils?|helpers?|common|misc)(\/|\.ts$)/.test(file)).map(({ file }) => file),
    ).toEqual([]);
    expect(all.filter(({ file }) => !/^([a-z0-9-]+\/)*[a-z0-9-]+\.ts$/.test(file)).map(({ file }) => file)).toEqual([]);
    expect(all.filter(({ text }) => /^export (default|\*)/m.test(text)).map(({ file }) => file)).toEqual([]);
    expect(all.filter(({ text }) => text.split('\n').length > 401).map(({ file }) => file)).toEqual([]);
  });

  test('importing a file does nothing: the clock and randomness are parameters', () => {
    const pure = all.filter(({ room }) => ['model', 'wire', 'policy', 'envelope', 'dialects'].includes(room));
    expect(
      pure.filter(({ text }) => /\bDate\.now\(|Math\.random\(/.test(withoutComments(text))).map(({ file }) => file),
    ).toEqual([]);
  });
});
