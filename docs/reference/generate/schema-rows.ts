import { DURATION_PATTERN, SIZE_PATTERN } from '../../../src/config/quantities.ts';
import { code } from './markdown.ts';

export type Schema = Readonly<Record<string, unknown>>;

/** One setting: where it stands, what it may be, what it means. */
export interface Row {
  readonly path: string;
  readonly values: readonly string[];
  readonly required: boolean;
  readonly description: string;
  readonly example: unknown;
  /** The `type:` under which it exists; none: always. */
  readonly variants: readonly string[];
}

/** `definitions` are the schema's `$defs`: named here, not entered, because each has a section of its own. */
export interface Place {
  readonly path: string;
  readonly definitions: Readonly<Record<string, Schema>>;
}

/** Every setting under a schema, in the file's order. */
export function rowsUnder(schema: Schema, place: Place): readonly Row[] {
  const shapes = shapesOf(schema);
  const rows = shapes.flatMap((shape) => rowsOfShape(shape, place));
  const paths = [...new Set(rows.map((row) => row.path))];
  return paths.map((path) =>
    merged(
      rows.filter((row) => row.path === path),
      shapes.length,
    ),
  );
}

/** The forms that a value may take: branches of `oneOf`, `anyOf` and `if`/`then`/`else`. */
function shapesOf(schema: Schema): readonly Schema[] {
  const branches = [schema['oneOf'], schema['anyOf'], [underCondition(schema), schema['else']]]
    .flat()
    .filter((branch): branch is Schema => typeof branch === 'object' && branch !== null);
  return branches.length === 0 ? [schema] : branches.flatMap(shapesOf);
}

/** `then`, with what its `if` already says of the properties. */
function underCondition(schema: Schema): Schema | undefined {
  const then = schema['then'] as Schema | undefined;
  const known = propertiesOf((schema['if'] ?? {}) as Schema);
  if (then?.['properties'] === undefined) return then;
  const properties = Object.entries(propertiesOf(then)).map(([name, child]) => [name, { ...child, ...known[name] }]);
  return { ...then, properties: Object.fromEntries(properties) as Schema };
}

function propertiesOf(schema: Schema): Readonly<Record<string, Schema>> {
  return (schema['properties'] ?? {}) as Readonly<Record<string, Schema>>;
}

function rowsOfShape(shape: Schema, place: Place): readonly Row[] {
  const { path } = place;
  const properties = propertiesOf(shape);
  const required = (shape['required'] ?? []) as readonly string[];
  const variants = (properties['type']?.['enum'] ?? []) as readonly string[];
  const own = Object.entries(properties).flatMap(([name, child]): readonly Row[] => {
    const inside = { ...place, path: path === '' ? name : `${path}.${name}` };
    const row = rowOf(child, inside, required.includes(name));
    return [row, ...rowsUnder(child, inside)].map((each) => ({ ...each, variants: [...each.variants, ...variants] }));
  });
  const items = shape['items'] as Schema | undefined;
  const values = shape['additionalProperties'] as Schema | boolean | undefined;
  return [
    ...own,
    ...(items === undefined ? [] : rowsUnder(items, { ...place, path: `${path}[]` })),
    ...(typeof values === 'object' ? rowsOfMap(values, { ...place, path: `${path}.<name>` }) : []),
  ];
}

/** A map's values have a row of their own only where something is said of them. */
function rowsOfMap(values: Schema, place: Place): readonly Row[] {
  const inner = rowsUnder(values, place);
  return typeof values['description'] === 'string' ? [rowOf(values, place, false), ...inner] : inner;
}

function rowOf(schema: Schema, { path, definitions }: Place, required: boolean): Row {
  const target = definitions[referenced(schema) ?? ''];
  const { description, examples } = (target ?? schema) as { description?: string; examples?: readonly unknown[] };
  return {
    path,
    required,
    values: valuesOf(schema),
    description: description ?? '',
    example: examples?.[0],
    variants: [],
  };
}

function merged(rows: readonly Row[], shapes: number): Row {
  const variants = [...new Set(rows.flatMap((row) => row.variants))];
  const [first] = rows;
  if (first === undefined) throw new Error('a setting without a row');
  return {
    ...first,
    // The general form of a setting stands behind its special ones.
    description: rows.at(-1)?.description ?? '',
    values: [...new Set(rows.flatMap(({ values }) => values))],
    // What only one of several nameless forms has can be left out.
    required: rows.every(({ required }) => required) && (rows.length === shapes || variants.length > 0),
    variants,
  };
}

/** What a value may be, in words. */
export function valuesOf(schema: Schema): readonly string[] {
  return [...new Set(shapesOf(schema).flatMap(valuesOfShape))];
}

function valuesOfShape(shape: Schema): readonly string[] {
  const target = referenced(shape);
  if (target !== undefined) return [`[${target}](#${target.toLowerCase()})`];
  if ('const' in shape) return [code(String(shape['const']))];
  if (Array.isArray(shape['enum'])) return shape['enum'].map((word) => code(String(word)));
  if (shape['pattern'] === DURATION_PATTERN) return ['duration'];
  if (shape['pattern'] === SIZE_PATTERN) return ['size'];
  switch (shape['type']) {
    case 'array':
      return [`list of ${valuesOf(shape['items'] as Schema).join(', ')}`];
    case 'object':
      return ['map'];
    case 'integer':
      return [rangeOf(shape)];
    default:
      return [typeof shape['type'] === 'string' ? shape['type'] : 'any'];
  }
}

/** The name behind `$ref: '#/$defs/name'`. */
function referenced(schema: Schema): string | undefined {
  const reference = schema['$ref'];
  return typeof reference === 'string' ? reference.replace('#/$defs/', '') : undefined;
}

function rangeOf({ minimum, maximum }: Schema): string {
  return typeof minimum === 'number' && typeof maximum === 'number' ? `${minimum} to ${maximum}` : 'number';
}
