import { stringify } from 'yaml';
import { code, page, table } from './markdown.ts';
import { rowsUnder, valuesOf, type Row, type Schema } from './schema-rows.ts';

/** A JSON Schema as tables: one section for each block of the file, one for each definition. */
export function schemaPage(title: string, schema: Schema, introduction: string): string {
  const definitions = (schema['$defs'] ?? {}) as Readonly<Record<string, Schema>>;
  const rows = rowsUnder(schema, { path: '', definitions });
  const blocks = Object.keys(schema['properties'] ?? {});
  const scalars = blocks.filter((name) => rows.filter(({ path }) => isUnder(path, name)).length === 1);
  const sections = blocks
    .filter((name) => !scalars.includes(name))
    .map((name) =>
      section(
        name,
        rows.filter(({ path }) => isUnder(path, name)),
      ),
    );
  const defined = Object.entries(definitions).map(([name, definition]) =>
    section(name, [definedRow(name, definition), ...rowsUnder(definition, { path: name, definitions })]),
  );
  const single = rows.filter(({ path }) => scalars.includes(path));
  return page(
    title,
    introduction,
    ...(single.length === 0 ? [] : [section('Single settings', single)]),
    ...sections,
    ...defined,
  );
}

function section(name: string, rows: readonly Row[]): string {
  const [first, ...others] = rows;
  const isBlock = first?.path === name;
  const head = first !== undefined && isBlock ? [`${first.description}${demanded(first)}`] : [];
  const shown = isBlock && others.length > 0 ? others : rows;
  return [`## ${name}`, ...head, settings(shown)].join('\n\n');
}

function settings(rows: readonly Row[]): string {
  const types = new Set(rows.flatMap(({ variants }) => variants));
  return table(
    ['setting', 'values', 'required', 'meaning', 'example'],
    rows.map((row) => [
      code(row.path),
      row.values.join(', '),
      row.required ? 'yes' : '',
      `${row.description}${onlyFor(row, types)}`,
      exampleOf(row.example),
    ]),
  );
}

function demanded({ required }: Row): string {
  return required ? ' Required.' : '';
}

function onlyFor({ variants, path }: Row, types: ReadonlySet<string>): string {
  const others = [...types].filter((type) => !variants.includes(type));
  if (variants.length === 0 || others.length === 0 || path.endsWith('.type')) return '';
  return others.length < variants.length ? ` (not for ${words(others)})` : ` (for ${words(variants)} only)`;
}

function words(types: readonly string[]): string {
  return types.map(code).join(', ');
}

/** Long examples stand in the sample files; here they would only widen the table. */
function exampleOf(example: unknown): string {
  if (example === undefined) return '';
  const text = stringify(example, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: true }).trim();
  return text.length > 60 ? '' : code(text);
}

function isUnder(path: string, name: string): boolean {
  return path === name || path.startsWith(`${name}.`) || path.startsWith(`${name}[]`);
}

function definedRow(path: string, definition: Schema): Row {
  const { description, examples } = definition as { description?: string; examples?: readonly unknown[] };
  const values = valuesOf(definition);
  return { path, values, required: false, description: description ?? '', example: examples?.[0], variants: [] };
}
