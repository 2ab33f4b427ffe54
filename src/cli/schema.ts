import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import type { SchemaName, Services } from './ports.ts';

export const SCHEMA_NAMES: readonly SchemaName[] = ['gateway', 'policy', 'cases'];

/** `bucketseal schema NAME` prints a JSON Schema; `--write DIR` writes all of them as `config/` ships them. */
export function schema(services: Services, name: SchemaName | undefined, directory: string | undefined): ExitCode {
  const schemas = services.schemas();
  if (directory !== undefined) {
    for (const each of SCHEMA_NAMES) {
      const path = `${directory.replace(/\/$/, '')}/${SCHEMA_FILE[each]}`;
      services.writeFile(path, schemaText(schemas[each]));
      services.stdout(`${path}\n`);
    }
    return EXIT.ok;
  }
  services.stdout(schemaText(schemas[name ?? 'gateway']));
  return EXIT.ok;
}

/** The text that is compared with the shipped file: lists of words on one line, as the formatter writes them. */
export function schemaText(value: object): string {
  return `${write(value, 0, 0)}\n`;
}

const LINE_CHARACTERS = 120;

/** `column` is where the value begins; one more character, a comma, may follow. */
function write(value: unknown, depth: number, column: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  if (entries.length === 0) return `${open}${close}`;
  if (Array.isArray(value) && isFlat(value)) {
    const line = `[${value.map((each) => write(each, depth, 0)).join(', ')}]`;
    if (column + line.length < LINE_CHARACTERS) return line;
  }
  const indent = '  '.repeat(depth + 1);
  const lines = entries.map(([key, each]) => {
    const label = Array.isArray(value) ? indent : `${indent}${JSON.stringify(key)}: `;
    return `${label}${write(each, depth + 1, label.length)}`;
  });
  return `${open}\n${lines.join(',\n')}\n${'  '.repeat(depth)}${close}`;
}

function isFlat(value: readonly unknown[]): boolean {
  return value.every((each) => (Array.isArray(each) ? isFlat(each) : typeof each !== 'object' || each === null));
}

export const SCHEMA_FILE: Readonly<Record<SchemaName, string>> = {
  gateway: 'gateway.schema.json',
  policy: 'policy.schema.json',
  cases: 'policy.tests.schema.json',
};
