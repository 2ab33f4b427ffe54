import type { AcceptValue, EncryptionValue } from '../policy/document.ts';
import { POLICY_SCHEMA } from '../policy/schema.ts';
import type { Diagnostic } from './diagnostics.ts';
import { hasErrors } from './diagnostics.ts';
import { checkSchema } from './schema-check.ts';
import type { JsonSchema } from './schema-check.ts';
import { parseYamlFile } from './yaml-file.ts';

/** `policy.tests.yaml` as parsed: requests, and what the policy must answer. */
export interface CasesDocument {
  readonly version: 1;
  readonly cases: readonly PolicyCase[];
}

export interface PolicyCase {
  readonly name: string;
  readonly request: RequestDescription;
  readonly expect: Expectation;
}

/** A request in the policy's words, no vendor's. Absent: PutObject, no wish, TLS 1.3, a client with every right. */
export interface RequestDescription {
  /** `clients[].name`, or its access key id. */
  readonly client?: string;
  readonly bucket: string;
  readonly key?: string;
  readonly operation?: string;
  readonly encryption?: EncryptionValue | 'customer';
  readonly secure?: boolean;
  readonly tls?: '1.2' | '1.3';
  /** The bucket's own rule at its store, where the policy delegates. */
  readonly bucketRule?: EncryptionValue;
  /** The client's language has no wishes by object. */
  readonly wishesIgnored?: boolean;
  /** An ISO date or date-time: when the request comes. */
  readonly at?: string;
}

/** What is left out is not compared. */
export interface Expectation {
  readonly effect: 'allow' | 'deny';
  readonly code?: string;
  readonly encryption?: AcceptValue | 'none' | 'unspecified';
  readonly by?: 'store' | 'gateway';
  readonly rule?: string;
  readonly overridden?: boolean;
}

/** JSON Schema of a file of cases; encryptions are written as in the policy. */
export function casesSchema(operations: readonly string[]): JsonSchema {
  const text = (description: string, example: string): JsonSchema => ({
    description,
    type: 'string',
    minLength: 1,
    examples: [example],
  });
  const flag = (description: string): JsonSchema => ({ description, type: 'boolean', examples: [true] });
  const word = (description: string, words: readonly string[]): JsonSchema => ({
    description,
    type: 'string',
    enum: words,
    examples: words.slice(0, 1),
  });
  const encryption = (description: string, words: readonly string[]): JsonSchema => ({
    description,
    examples: ['managed', { kms: 'orders' }],
    if: { type: 'string' },
    then: { type: 'string', enum: words },
    else: { $ref: '#/$defs/encryptionObject' },
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:bucketseal:policy-tests',
    title: 'Bucketseal policy tests',
    description: 'Requests, and what the policy beside this file must answer.',
    type: 'object',
    additionalProperties: false,
    required: ['version', 'cases'],
    properties: {
      version: { description: 'The version of this format.', type: 'integer', const: 1, examples: [1] },
      cases: {
        description: 'The cases, in the order they are run.',
        type: 'array',
        examples: [[CASE_EXAMPLE]],
        items: {
          title: 'case',
          type: 'object',
          additionalProperties: false,
          required: ['name', 'request', 'expect'],
          properties: {
            name: text('What the case shows.', 'orders lie under their key'),
            request: {
              title: 'request',
              description: 'The request.',
              examples: [CASE_EXAMPLE.request],
              type: 'object',
              additionalProperties: false,
              required: ['bucket'],
              properties: {
                client: text(
                  'A client of gateway.yaml, by name or access key id; absent: one with every right.',
                  'app',
                ),
                bucket: text('The bucket, as clients name it.', 'orders-eu'),
                key: { description: 'The object’s key.', type: 'string', examples: ['2026/a.pdf'] },
                operation: word('The operation; PutObject unless named.', ['PutObject', ...operations]),
                encryption: encryption('What the client asks for; absent: nothing.', ['none', 'managed', 'customer']),
                secure: flag('Whether it comes over TLS; true unless said otherwise.'),
                tls: word('The TLS version; 1.3 unless said otherwise.', ['1.2', '1.3']),
                bucketRule: encryption('The bucket’s own rule at its store.', ['none', 'managed']),
                wishesIgnored: flag('The client’s language has no wishes by object.'),
                at: text('When it comes (ISO 8601).', '2026-12-31T12:00:00Z'),
              },
            },
            expect: {
              title: 'expect',
              description: 'The answer; what is left out is not compared.',
              examples: [CASE_EXAMPLE.expect],
              type: 'object',
              additionalProperties: false,
              required: ['effect'],
              properties: {
                effect: word('Whether it passes.', ['allow', 'deny']),
                code: text('The error code of a refusal.', 'AccessDenied'),
                encryption: encryption('How the object lies.', ['none', 'managed', 'customer', 'unspecified']),
                by: word('Who encrypts.', ['store', 'gateway']),
                rule: text('The rule that decides, by its pattern (and prefix).', 'orders-* prefix public/'),
                overridden: flag('Whether the client’s wish was overridden.'),
              },
            },
          },
        },
      },
    },
    $defs: { encryptionObject: POLICY_SCHEMA.$defs.encryptionObject },
  };
}

/** Parses and judges a file of cases. */
export function parseCases(
  file: string,
  text: string,
  operations: readonly string[],
): {
  readonly cases: readonly (PolicyCase & { readonly line: number })[] | undefined;
  readonly diagnostics: readonly Diagnostic[];
} {
  const yaml = parseYamlFile(file, text);
  const diagnostics = [
    ...yaml.diagnostics,
    ...(yaml.value === undefined ? [] : checkSchema(yaml, casesSchema(operations))),
  ];
  if (hasErrors(diagnostics)) return { cases: undefined, diagnostics };
  const { cases } = yaml.value as CasesDocument;
  return {
    cases: cases.map((each, index) => ({ ...each, line: yaml.locate(['cases', index]).line })),
    diagnostics,
  };
}

const CASE_EXAMPLE = {
  name: 'orders lie under their key',
  request: { client: 'app', bucket: 'orders-eu', key: 'a.pdf' },
  expect: { effect: 'allow', encryption: { kms: 'orders' }, rule: 'orders-*' },
};
