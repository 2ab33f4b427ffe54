import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { OPERATIONS } from '../../../src/cli/question.ts';
import { SCHEMA_FILE, schemaText } from '../../../src/cli/schema.ts';
import { gatewaySchema } from '../../../src/config/gateway-schema.ts';
import { casesSchema } from '../../../src/config/policy-cases.ts';
import type { JsonSchema } from '../../../src/config/schema-check.ts';
import { checkSchema } from '../../../src/config/schema-check.ts';
import { parseYamlFile } from '../../../src/config/yaml-file.ts';
import { DIALECT_NAMES, STORE_TYPES } from '../../../src/dialects/index.ts';
import { POLICY_SCHEMA } from '../../../src/policy/schema.ts';
import { NAMES } from './gateway-names.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const SCHEMAS = { gateway: gatewaySchema(NAMES), policy: POLICY_SCHEMA, cases: casesSchema(OPERATIONS) } as const;

function children(schema: JsonSchema): readonly JsonSchema[] {
  return Object.entries(schema).flatMap(([key, value]): readonly JsonSchema[] => {
    if (key === 'examples' || key === 'enum' || key === 'const' || typeof value !== 'object' || value === null)
      return [];
    if (Array.isArray(value)) return value.filter((each) => typeof each === 'object') as JsonSchema[];
    return key === 'properties' || key === '$defs'
      ? (Object.values(value) as JsonSchema[]).filter((each) => typeof each === 'object')
      : [value as JsonSchema];
  });
}

function everySchema(schema: JsonSchema): readonly JsonSchema[] {
  return [schema, ...children(schema).flatMap(everySchema)];
}

describe('the shipped schemas', () => {
  test.each(['gateway', 'policy', 'cases'] as const)('%s is what the constants say', (name) => {
    const shipped = readFileSync(join(ROOT, 'config', SCHEMA_FILE[name]), 'utf8');
    expect(shipped).toBe(schemaText(SCHEMAS[name]));
  });

  test('the names that the schema was made of are those of the registry', () => {
    expect(NAMES.dialects).toEqual(DIALECT_NAMES);
    for (const [type, { dialect, addressing }] of Object.entries(STORE_TYPES)) {
      expect(NAMES.stores[type]?.dialect).toBe(dialect);
      expect(NAMES.stores[type]?.addressing).toBe(addressing);
    }
  });

  test.each(['gateway', 'policy', 'cases'] as const)(
    '%s describes every property, with an example that it accepts',
    (name) => {
      const root = SCHEMAS[name] as JsonSchema;
      for (const schema of everySchema(root)) {
        for (const [key, value] of Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>)) {
          // Inside `if` a property is a condition, and a reference carries its target's description.
          if (typeof value !== 'object' || value['$ref'] !== undefined || Object.keys(value).join() === 'const')
            continue;
          expect(value['description'], `${name} ${key}`).toBeTypeOf('string');
          const examples = value['examples'] as readonly unknown[];
          expect(examples.length, `${name} ${key}`).toBeGreaterThan(0);
          for (const example of examples) {
            const file = parseYamlFile('example', JSON.stringify(example));
            const alone = { ...value, ...(root['$defs'] === undefined ? {} : { $defs: root['$defs'] }) };
            expect(checkSchema(file, alone), `${name} ${key}`).toEqual([]);
          }
        }
      }
    },
  );

  test('every map refuses unknown keys, or says what its keys are', () => {
    for (const root of Object.values(SCHEMAS) as JsonSchema[]) {
      for (const schema of everySchema(root)) {
        if (schema['properties'] !== undefined && schema['additionalProperties'] !== false)
          // Conditions of `if`, and maps whose forms are told apart below them.
          expect(Object.keys(schema)).toContain('required');
      }
    }
  });
});

/** Property names and whether they may be absent, of an interface with what it extends. */
function membersOf(file: string, name: string): Readonly<Record<string, boolean>> {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const find = (wanted: string): Record<string, boolean> => {
    const found: Record<string, boolean> = {};
    for (const statement of source.statements) {
      if (!ts.isInterfaceDeclaration(statement) || statement.name.text !== wanted) continue;
      for (const clause of statement.heritageClauses ?? [])
        for (const type of clause.types) Object.assign(found, find(type.expression.getText()));
      for (const member of statement.members)
        if (ts.isPropertySignature(member)) found[member.name.getText()] = member.questionToken !== undefined;
    }
    return found;
  };
  return find(name);
}

function propertiesOf(schema: JsonSchema): Readonly<Record<string, boolean>> {
  const branches = (schema['oneOf'] ?? [schema]) as readonly JsonSchema[];
  const names = [...new Set(branches.flatMap((branch) => Object.keys(branch['properties'] as object)))];
  const required = (name: string): boolean =>
    branches.every((branch) => ((branch['required'] ?? []) as readonly string[]).includes(name));
  return Object.fromEntries(names.map((name) => [name, !required(name)]));
}

function at(schema: JsonSchema, ...path: readonly string[]): JsonSchema {
  return path.reduce((value, step) => value[step] as JsonSchema, schema);
}

describe('types and schema say the same', () => {
  const types = join(ROOT, 'src/config/gateway-document.ts');
  const { gateway, cases } = SCHEMAS;
  const remote = (at(gateway, 'properties', 'stores', 'additionalProperties')['oneOf'] as readonly JsonSchema[])[1]!;
  const client = at(gateway, 'properties', 'clients', 'items');
  test.each([
    [types, 'GatewayDocument', gateway],
    [types, 'ListenerDocument', at(gateway, 'properties', 'listeners', 'items')],
    [types, 'AdminDocument', at(gateway, 'properties', 'admin')],
    [types, 'StoreDocument', at(gateway, 'properties', 'stores', 'additionalProperties')],
    [types, 'CapabilitiesDocument', at(remote, 'properties', 'capabilities')],
    [types, 'CredentialsDocument', at(remote, 'properties', 'credentials')],
    [types, 'KeyringDocument', at(gateway, 'properties', 'keyring')],
    [types, 'ClientDocument', client],
    [types, 'GrantDocument', at(client, 'properties', 'grants', 'items')],
    [types, 'LimitsDocument', at(gateway, 'properties', 'limits')],
    [types, 'HostDocument', at(gateway, 'properties', 'hosts', 'additionalProperties')],
    [join(ROOT, 'src/config/policy-cases.ts'), 'CasesDocument', cases],
    [join(ROOT, 'src/config/policy-cases.ts'), 'PolicyCase', at(cases, 'properties', 'cases', 'items')],
    [
      join(ROOT, 'src/config/policy-cases.ts'),
      'RequestDescription',
      at(cases, 'properties', 'cases', 'items', 'properties', 'request'),
    ],
    [
      join(ROOT, 'src/config/policy-cases.ts'),
      'Expectation',
      at(cases, 'properties', 'cases', 'items', 'properties', 'expect'),
    ],
    [join(ROOT, 'src/policy/document.ts'), 'PolicyDocument', POLICY_SCHEMA as JsonSchema],
    [join(ROOT, 'src/policy/document.ts'), 'BucketRuleDocument', POLICY_SCHEMA.$defs.bucket as JsonSchema],
    [join(ROOT, 'src/policy/document.ts'), 'EncryptionBlock', POLICY_SCHEMA.$defs.encryption as JsonSchema],
    [join(ROOT, 'src/policy/document.ts'), 'TransportBlock', POLICY_SCHEMA.$defs.transport as JsonSchema],
  ] as const)('%s %s', (file, name, schema) => {
    expect(membersOf(file, name)).toEqual(propertiesOf(schema));
  });
});
