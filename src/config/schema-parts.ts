import { DURATION_PATTERN, SIZE_PATTERN } from './quantities.ts';
import type { JsonSchema } from './schema-check.ts';

const HOST = '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$';

export function address(port: string): Readonly<Record<string, JsonSchema>> {
  return {
    host: text('Address to listen on.', '127.0.0.1', '^[A-Za-z0-9.:%-]{1,253}$'),
    port: {
      description: 'TCP port; 0 lets the system choose.',
      type: 'integer',
      minimum: 0,
      maximum: 65535,
      examples: [Number(port)],
    },
  };
}

export function host(): JsonSchema {
  return text('A host name in lower case.', 'storage.example.com', HOST);
}

export function map(
  title: string,
  body: { readonly required?: readonly string[]; readonly properties: Readonly<Record<string, JsonSchema>> },
): JsonSchema {
  return { title, type: 'object', additionalProperties: false, ...body };
}

export function record(key: JsonSchema, value: JsonSchema, description: string, example: object): JsonSchema {
  return { description, examples: [example], type: 'object', propertyNames: key, additionalProperties: value };
}

export function listOf(items: JsonSchema, description: string, example: readonly unknown[]): JsonSchema {
  return { description, examples: [example], type: 'array', items };
}

export function text(description: string, example: string, pattern?: string): JsonSchema {
  return {
    description,
    type: 'string',
    minLength: 1,
    maxLength: 4096,
    ...(pattern === undefined ? {} : { pattern }),
    examples: [example],
  };
}

export function choice(description: string, words: readonly string[]): JsonSchema {
  return { description, type: 'string', enum: words, examples: words.slice(0, 1) };
}

export function flag(description: string, example: boolean): JsonSchema {
  return { description, type: 'boolean', examples: [example] };
}

export function count(description: string, example: number): JsonSchema {
  return { description, type: 'integer', minimum: 1, maximum: 1_000_000, examples: [example] };
}

export function duration(description: string, example: string): JsonSchema {
  return { description, type: ['string', 'integer'], pattern: DURATION_PATTERN, minimum: 0, examples: [example] };
}

export function size(description: string, example: string): JsonSchema {
  return { description, type: ['string', 'integer'], pattern: SIZE_PATTERN, minimum: 0, examples: [example] };
}
