import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import type { Diagnostic } from './diagnostics.ts';
import { namesSecret } from './secret-mask.ts';
import { didYouMean, nearestOf } from './suggestion.ts';
import type { Finding, YamlFile, YamlPath } from './yaml-file.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Judges a parsed file by a JSON Schema (draft 2020-12); one diagnostic a mistake, each at its own line and column. */
export function checkSchema(file: YamlFile, schema: JsonSchema): readonly Diagnostic[] {
  const judge = rootJudge(schema);
  return judge(file.value, []).map(({ path, part, ...finding }) => file.report(file.locate(path, part), finding));
}

/** A mistake with its place in the value. */
interface Mistake extends Finding {
  readonly path: YamlPath;
  readonly part: 'key' | 'value';
}

type Judge = (data: unknown, path: YamlPath) => readonly Mistake[];

/** Compiling costs a tenth of a second and more; a reload under load must not stop the house for that long. */
const ROOT_JUDGES = new WeakMap<JsonSchema, Judge>();

function rootJudge(root: JsonSchema): Judge {
  const known = ROOT_JUDGES.get(root);
  if (known !== undefined) return known;
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    verbose: true,
    discriminator: true,
  });
  const branches = new WeakMap<JsonSchema, Judge>();
  const judgeOf = (schema: JsonSchema): Judge => {
    const made = branches.get(schema) ?? judgeBy(compiled(ajv, schema, root), judgeOf);
    branches.set(schema, made);
    return made;
  };
  const judge = judgeOf(root);
  ROOT_JUDGES.set(root, judge);
  return judge;
}

function judgeBy(validate: ValidateFunction, judge: (branch: JsonSchema) => Judge): Judge {
  return (data, path) => (validate(data) ? [] : mistakesOf(validate.errors ?? [], path, judge));
}

function compiled(ajv: Ajv2020, schema: JsonSchema, root: JsonSchema): ValidateFunction {
  if (schema === root) return ajv.compile(schema);
  const { $defs } = root;
  return ajv.compile({ ...schema, ...($defs === undefined ? {} : { $defs }) });
}

function mistakesOf(
  errors: readonly ErrorObject[],
  base: YamlPath,
  judge: (branch: JsonSchema) => Judge,
): readonly Mistake[] {
  const choices = errors.filter(({ keyword }) => keyword === 'oneOf' || keyword === 'anyOf');
  // The errors inside the branches of a choice are a wall; only the branch that was meant is told, below.
  const outer = choices.filter((a) => !choices.some((b) => b !== a && isUnder(a.instancePath, b.instancePath)));
  // A value of the wrong type breaks every other rule too; one mistake, one diagnostic.
  const mistyped = new Set(errors.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath));
  const plain = errors.filter(
    (error) =>
      (error.keyword === 'type' || !mistyped.has(error.instancePath)) &&
      !choices.includes(error) &&
      !outer.some(({ instancePath }) => isUnder(error.instancePath, instancePath)),
  );
  const unique = outer.filter((a, index) => outer.findIndex((b) => b.instancePath === a.instancePath) === index);
  const found = [
    ...plain.flatMap((error) => mistakeOf(error, [...base, ...pathOf(error.instancePath)])),
    ...unique.flatMap((error) => ofChoice(error, [...base, ...pathOf(error.instancePath)], judge)),
  ];
  return withoutEchoes(found);
}

/** A missing key is no second mistake where an unknown key is one slip away from it. */
function withoutEchoes(found: readonly Mistake[]): readonly Mistake[] {
  const meant = new Set(
    found
      .filter(({ code }) => code === 'unknown-key')
      .map(({ path, suggestion }) => `${JSON.stringify(path.slice(0, -1))} ${suggestion ?? ''}`),
  );
  return found.filter(({ code, path, message }) => {
    const name = /^missing key "(.*?)"/.exec(message)?.[1] ?? '';
    return code !== 'missing-key' || !meant.has(`${JSON.stringify(path)} did you mean "${name}"?`);
  });
}

/** The errors of the branch that the writer meant: the one of the value's type, else of its keys, with the fewest mistakes. */
function ofChoice(error: ErrorObject, path: YamlPath, judge: (branch: JsonSchema) => Judge): readonly Mistake[] {
  const branches = error.schema as readonly JsonSchema[];
  const results = branches.map((branch) => judge(branch)(error.data, path));
  const words = wordsOf(branches);
  const fitting = results.filter((result) => !result.some((mistake) => isAt(mistake, path)));
  if (typeof error.data === 'string' && words.length > 0)
    return [badWord(error.data, words, path, longerForms(branches))];
  const ranked = (fitting.length > 0 ? fitting : results).toSorted((a, b) => a.length - b.length);
  if (fitting.length === 0 && typeof error.data !== 'object')
    return [
      mistake('wrong-type', path, `${label(path)} must be ${altogether(branches, words)}${not(path, error.data)}`),
    ];
  return ranked[0] ?? [mistake('bad-value', path, `${label(path)} fits none of the forms allowed here`)];
}

function isAt({ path, code }: Mistake, place: YamlPath): boolean {
  return path.length === place.length && (code === 'wrong-type' || code === 'bad-value');
}

function wordsOf(branches: readonly JsonSchema[]): readonly string[] {
  return branches.flatMap((branch) => {
    const { const: only, enum: some } = branch;
    return [only, ...(Array.isArray(some) ? (some as unknown[]) : [])].filter((word) => typeof word === 'string');
  });
}

function badWord(data: string, words: readonly string[], path: YamlPath, longer: readonly string[]): Mistake {
  const more = longer.length > 0 ? ` or ${longer.join(' or ')}` : '';
  return {
    ...mistake('bad-value', path, `${label(path)} must be ${listed(words)}${more}${not(path, data)}`),
    ...hint(didYouMean(data, words)),
  };
}

function altogether(branches: readonly JsonSchema[], words: readonly string[]): string {
  const kinds = new Set(branches.map(({ type }) => (typeof type === 'string' ? article(type) : 'a value')));
  return words.length > 0 ? [listed(words), ...longerForms(branches)].join(' or ') : [...kinds].join(' or ');
}

function longerForms(branches: readonly JsonSchema[]): readonly string[] {
  const types = branches.map(({ type }) => type).filter((type) => type === 'object' || type === 'array');
  return [...new Set(types)].map(article);
}

function mistakeOf(error: ErrorObject, path: YamlPath): readonly Mistake[] {
  const params = error.params as Readonly<Record<string, unknown>>;
  const parent = (error.parentSchema ?? {}) as JsonSchema;
  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const key = String(params['additionalProperty'] ?? params['unevaluatedProperty']);
      return [unknownKey(key, Object.keys(parent['properties'] ?? {}), path, parent)];
    }
    case 'required':
    case 'dependentRequired': {
      const key = String(params['missingProperty']);
      return [{ ...mistake('missing-key', path, `missing key "${key}" in ${placeName(path, parent)}`), part: 'key' }];
    }
    case 'discriminator':
      return untagged(error, params, path, parent);
    case 'type':
      return [wrongType(error, parent, path)];
    case 'enum':
    case 'const': {
      const words = error.keyword === 'enum' ? (parent['enum'] as readonly unknown[]) : [parent['const']];
      const strings = words.filter((word) => typeof word === 'string');
      return [
        {
          ...mistake('bad-value', path, `${label(path)} must be ${listed(words)}${not(path, error.data)}`),
          ...hint(typeof error.data === 'string' ? didYouMean(error.data, strings) : undefined),
        },
      ];
    }
    case 'propertyNames': {
      const key = String(params['propertyName']);
      return [{ ...mistake('bad-value', [...path, key], `"${key}" is no valid name here`), part: 'key' }];
    }
    case 'uniqueItems':
      return [mistake('duplicate-value', [...path, Number(params['i'])], 'this value stands twice in the list')];
    // Follow-ups of `propertyNames` and of choices, told by those.
    case 'if':
    case '$ref':
      return [];
    default:
      return error.propertyName !== undefined ? [] : [badValue(error, parent, path)];
  }
}

function unknownKey(key: string, known: readonly string[], path: YamlPath, parent: JsonSchema): Mistake {
  return {
    ...mistake('unknown-key', [...path, key], `unknown key "${key}" in ${placeName(path, parent)}`),
    part: 'key',
    ...hint(didYouMean(key, known)),
  };
}

/** The key that says which form a map has is missing or wrong: its other keys are then judged by all forms together. */
function untagged(
  error: ErrorObject,
  params: Readonly<Record<string, unknown>>,
  path: YamlPath,
  parent: JsonSchema,
): readonly Mistake[] {
  const tag = String(params['tag']);
  const branches = (parent['oneOf'] ?? []) as readonly JsonSchema[];
  const properties = branches.map((branch) => (branch['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>);
  const data = (error.data ?? {}) as Readonly<Record<string, unknown>>;
  if (params['error'] !== 'tag') {
    const words = wordsOf(properties.flatMap((known) => (known[tag] === undefined ? [] : [known[tag]])));
    const value = data[tag];
    const place = [...path, tag];
    return [
      {
        ...mistake('bad-value', place, `${label(place)} must be ${listed(words)}${not(place, value)}`),
        ...hint(typeof value === 'string' ? didYouMean(value, words) : undefined),
      },
    ];
  }
  if (tag in data) return [mistake('wrong-type', [...path, tag], `"${tag}" must be a string`)];
  const known = [...new Set(properties.flatMap((each) => Object.keys(each)))];
  const unknown = Object.keys(data).filter((key) => !known.includes(key));
  const missing: Mistake = {
    ...mistake('missing-key', path, `missing key "${tag}" in ${placeName(path, parent)}`),
    part: 'key',
  };
  return [
    ...unknown.map((key) => unknownKey(key, known, path, parent)),
    ...(unknown.some((key) => nearestOf(key, known) === tag) ? [] : [missing]),
  ];
}

function wrongType(error: ErrorObject, parent: JsonSchema, path: YamlPath): Mistake {
  const type = parent['type'];
  const wanted = (Array.isArray(type) ? (type as string[]) : [String(type)]).map(article).join(' or ');
  const quoted =
    wanted.includes('string') && typeof error.data === 'number' ? 'write it in quotes, "…"' : yes(error, wanted);
  return {
    ...mistake('wrong-type', path, `${label(path)} must be ${wanted}${not(path, error.data)}`),
    ...hint(quoted),
  };
}

/** YAML 1.1 habits: `yes` and `on` are strings in YAML 1.2. */
function yes(error: ErrorObject, wanted: string): string | undefined {
  if (!wanted.includes('true or false') || typeof error.data !== 'string') return undefined;
  if (/^(yes|on|true)$/i.test(error.data)) return 'did you mean true?';
  return /^(no|off|false)$/i.test(error.data) ? 'did you mean false?' : undefined;
}

function badValue(error: ErrorObject, parent: JsonSchema, path: YamlPath): Mistake {
  const examples = parent['examples'];
  const example = Array.isArray(examples) ? (examples as unknown[])[0] : undefined;
  const said = error.keyword === 'pattern' ? 'must have another form' : (error.message ?? 'is not valid');
  return {
    ...mistake('bad-value', path, `${label(path)} ${said}${not(path, error.data)}`),
    ...hint(example === undefined ? undefined : `for example ${JSON.stringify(example)}`),
  };
}

function mistake(code: string, path: YamlPath, message: string): Mistake {
  return { level: 'ERROR', code, message, path, part: 'value' };
}

function hint(suggestion: string | undefined): { readonly suggestion?: string } {
  return suggestion === undefined ? {} : { suggestion };
}

function label(path: YamlPath): string {
  const name = nameOf(path) ?? 'the file';
  return typeof path.at(-1) === 'number' ? `an entry of "${name}"` : `"${name}"`;
}

/** `, not "alow"`: the value as written, unless it may be a secret, is long, or is no scalar. */
function not(path: YamlPath, data: unknown): string {
  if (namesSecret(nameOf(path) ?? '')) return '';
  const scalar = typeof data === 'string' || typeof data === 'number' || typeof data === 'boolean' || data === null;
  const text = scalar ? JSON.stringify(data) : '';
  return text !== '' && text.length <= 48 && !/:\/\/[^/]*@/.test(text) ? `, not ${text}` : '';
}

function nameOf(path: YamlPath): string | undefined {
  return path.findLast((step) => typeof step === 'string');
}

function placeName(path: YamlPath, schema: JsonSchema): string {
  const title = schema['title'];
  if (typeof title === 'string' && path.length > 0) return title;
  return path.length === 0 ? 'the file' : `"${path.join('.')}"`;
}

function listed(words: readonly unknown[]): string {
  const quoted = words.map((word) => JSON.stringify(word));
  return quoted.length <= 1 ? (quoted[0] ?? 'something else') : `one of ${quoted.join(', ')}`;
}

function article(type: string): string {
  const words: Readonly<Record<string, string>> = {
    object: 'a map',
    array: 'a list',
    string: 'a string',
    integer: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
    null: 'empty',
  };
  return words[type] ?? type;
}

function isUnder(instancePath: string, parent: string): boolean {
  return instancePath === parent || instancePath.startsWith(`${parent}/`);
}

function pathOf(instancePath: string): YamlPath {
  return instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^(0|[1-9][0-9]*)$/.test(step) ? Number(step) : step));
}
