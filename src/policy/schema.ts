/**
 * The JSON Schema (draft 2020-12) of policy.yaml; `document.ts` has the same shape as types. Variants are told apart by
 * `if`/`then`/`else` so that a validator names the one mistake instead of every branch.
 */
export const POLICY_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:bucketseal:policy',
  title: 'Bucketseal policy',
  description: 'How every bucket is encrypted, over which transport, under whose keys.',
  type: 'object',
  additionalProperties: false,
  required: ['version', 'buckets'],
  properties: {
    version: { description: 'The version of this format.', type: 'integer', const: 1, examples: [1] },
    keys: {
      description: "One name for a key, and each store's own id for it.",
      examples: [{ orders: { keyring: 'orders', hangzhou: 'e1935511-cf88-1123-a0f8-1be8d2511abc' } }],
      type: 'object',
      propertyNames: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$' },
      additionalProperties: {
        description:
          "The key's id at each store, by the store's name in gateway.yaml. `keyring` is the gateway's own keyring; absent there, the alias itself.",
        examples: [{ keyring: 'orders', virginia: 'arn:aws:kms:us-east-1:111122223333:key/1234' }],
        type: 'object',
        additionalProperties: { type: 'string', minLength: 1 },
      },
    },
    defaults: {
      description: 'What holds wherever a bucket does not say otherwise, field by field.',
      examples: [{ transport: { httpsOnly: true, minTls: '1.2' } }],
      type: 'object',
      additionalProperties: false,
      properties: {
        encryption: { $ref: '#/$defs/encryption' },
        transport: { $ref: '#/$defs/transport' },
        mode: { $ref: '#/$defs/mode' },
        until: { $ref: '#/$defs/until' },
      },
    },
    buckets: {
      description:
        'The rules; the first whose `match` fits a bucket decides. A bucket that no rule matches is refused.',
      examples: [[{ match: 'orders-*', store: 'hangzhou', encryption: { default: 'managed' } }]],
      type: 'array',
      items: { $ref: '#/$defs/bucket' },
    },
  },
  $defs: {
    bucket: {
      description: 'One rule: which buckets, where they lie, how they are protected.',
      examples: [{ match: 'orders-*', store: 'hangzhou', encryption: { default: { kms: 'orders' } } }],
      type: 'object',
      additionalProperties: false,
      required: ['match', 'store'],
      properties: {
        match: {
          description: 'Bucket names that the rule is for; `*` stands for any run of characters.',
          examples: ['orders-*'],
          type: 'string',
          pattern: '^[A-Za-z0-9._*-]+$',
        },
        store: { description: 'A store of gateway.yaml.', examples: ['hangzhou'], type: 'string', minLength: 1 },
        name: {
          description: "The bucket's name at the store; `{bucket}` stands for the client's name, which is the default.",
          examples: ['acme-{bucket}'],
          type: 'string',
          pattern: '^([A-Za-z0-9._-]|\\{bucket\\})+$',
        },
        encryption: { $ref: '#/$defs/encryption' },
        transport: { $ref: '#/$defs/transport' },
        mode: { $ref: '#/$defs/mode' },
        until: { $ref: '#/$defs/until' },
        replicas: { $ref: '#/$defs/replicas' },
        prefixes: {
          description: 'Overrides for keys under a prefix; the one longest prefix counts, field by field.',
          examples: [[{ prefix: 'public/', transport: { httpsOnly: false } }]],
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['prefix'],
            properties: {
              prefix: {
                description: 'The beginning of the keys.',
                examples: ['public/'],
                type: 'string',
                minLength: 1,
              },
              encryption: { $ref: '#/$defs/encryption' },
              transport: { $ref: '#/$defs/transport' },
              mode: { $ref: '#/$defs/mode' },
              until: { $ref: '#/$defs/until' },
            },
          },
        },
        allow: {
          description:
            'What reaches beyond the policy, and is refused unless listed: `callback` (PutBucketNotification), `process`, `fetch` (mirroring from an origin), `public-acl` (ACLs wider than private, which need the action `configure` as well).',
          examples: [['callback', 'public-acl']],
          type: 'array',
          uniqueItems: true,
          items: { type: 'string', enum: ['callback', 'process', 'fetch', 'public-acl'] },
        },
        replicate: {
          description: 'Buckets that receive replicas of what is written here.',
          examples: [[{ bucket: 'orders-copy', prefix: '', deletes: false }]],
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['bucket'],
            properties: {
              bucket: {
                description: "The target, by the clients' name; its own rule says where it lies and how it encrypts.",
                examples: ['orders-copy'],
                type: 'string',
                minLength: 1,
              },
              prefix: { description: 'Only keys under it.', examples: ['2026/'], type: 'string' },
              deletes: { description: 'Whether deletes are replicated too.', examples: [false], type: 'boolean' },
            },
          },
        },
      },
    },
    encryption: {
      description: 'How objects are encrypted, and what clients may ask.',
      examples: [{ default: { kms: 'orders' }, clients: 'strengthen', accept: ['managed'] }],
      type: 'object',
      additionalProperties: false,
      properties: {
        default: {
          description:
            "What an object gets that asks for nothing: `none`, `managed`, a KMS key, or `store`: the bucket's own rule.",
          examples: ['managed', 'store', { kms: 'orders' }],
          if: { type: 'string' },
          then: { type: 'string', enum: ['none', 'managed', 'store'] },
          else: { $ref: '#/$defs/encryptionObject' },
        },
        clients: {
          description:
            "What a client's own header may do: `choose` (it wins), `strengthen` (it may only raise), `ignore` (no effect), `refuse` (403 unless it is the default).",
          examples: ['choose'],
          type: 'string',
          enum: ['choose', 'strengthen', 'ignore', 'refuse'],
        },
        accept: {
          description:
            "What may be written beside the default; absent: managed and every KMS key that the client holds. `customer` (a customer's own key) only when listed.",
          examples: [['managed', { kms: 'orders' }, 'customer']],
          type: 'array',
          items: {
            if: { type: 'string' },
            then: { type: 'string', enum: ['managed', 'customer'] },
            else: { $ref: '#/$defs/encryptionObject' },
          },
        },
        by: {
          description: 'Who encrypts: the `store`, the `gateway`, or `either` (the store if it can, else the gateway).',
          examples: ['either'],
          type: 'string',
          enum: ['store', 'gateway', 'either'],
        },
        bucketRule: {
          description:
            'For stores that encrypt by bucket only: whether the gateway sets the rule of the bucket, or verifies it and refuses writes.',
          examples: ['verify'],
          type: 'string',
          enum: ['verify', 'set'],
        },
      },
    },
    encryptionObject: {
      description: 'An encryption with its parameters.',
      examples: [{ kms: 'orders', algorithm: 'AES256', layers: 1 }, { managed: 'SM4' }],
      if: { type: 'object', propertyNames: { type: 'string', not: { const: 'managed' } } },
      then: {
        type: 'object',
        additionalProperties: false,
        required: ['kms'],
        properties: {
          kms: {
            description: "A name from `keys:`, or `default` for the store's default key.",
            examples: ['orders', 'default'],
            type: 'string',
            minLength: 1,
          },
          algorithm: {
            description: 'The algorithm that encrypts the data; AES256 unless named.',
            examples: ['AES256'],
            type: 'string',
            enum: ['AES256', 'SM4'],
          },
          layers: {
            description: 'Layers of encryption; 2 is DSSE-KMS. One unless named.',
            examples: [1],
            type: 'integer',
            enum: [1, 2],
          },
        },
      },
      else: {
        type: 'object',
        additionalProperties: false,
        properties: {
          managed: {
            description: "Under the provider's own keys, with this algorithm.",
            examples: ['SM4'],
            type: 'string',
            enum: ['AES256', 'SM4'],
          },
        },
      },
    },
    transport: {
      description: 'How clients must connect.',
      examples: [{ httpsOnly: true, minTls: '1.2' }],
      type: 'object',
      additionalProperties: false,
      properties: {
        httpsOnly: { description: 'Refuses plain HTTP, before the body is read.', examples: [true], type: 'boolean' },
        minTls: {
          description: 'The lowest version of TLS for connections that use it.',
          examples: ['1.2'],
          type: 'string',
          enum: ['1.2', '1.3'],
        },
      },
    },
    mode: {
      description:
        '`enforce`, or `audit`: encryption acts as `default: store, clients: choose`, and what enforcing would have done is recorded.',
      examples: ['enforce', 'audit', { audit: { until: '2026-12-31' } }],
      if: { type: 'string' },
      then: { type: 'string', enum: ['enforce', 'audit'] },
      else: {
        type: 'object',
        additionalProperties: false,
        required: ['audit'],
        properties: {
          audit: {
            description: 'Audit mode with its end.',
            examples: [{ until: '2026-12-31' }],
            type: 'object',
            additionalProperties: false,
            properties: { until: { $ref: '#/$defs/until' } },
          },
        },
      },
    },
    until: {
      description: 'When audit mode ends: a date (its first moment, UTC), or a date-time with an offset.',
      examples: ['2026-12-31', '2026-12-31T18:00:00Z'],
      type: 'string',
      pattern: '^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2}(\\.\\d+)?)?(Z|[+-]\\d{2}:\\d{2}))?$',
    },
    replicas: {
      description:
        "How replicas that arrive are encrypted: by the target's default (`target-default`), or as the source was (`keep-source`).",
      examples: ['target-default', { rule: 'keep-source', kmsObjects: 'replicate', replicaKey: 'copies' }],
      if: { type: 'string' },
      then: { type: 'string', enum: ['target-default'] },
      else: {
        if: { type: 'object', required: ['rule'], properties: { rule: { const: 'target-default' } } },
        then: {
          type: 'object',
          additionalProperties: false,
          properties: {
            rule: {
              description: "The target's default applies, whatever the source was.",
              examples: ['target-default'],
              type: 'string',
            },
          },
        },
        else: {
          type: 'object',
          additionalProperties: false,
          required: ['rule'],
          properties: {
            rule: {
              description: "Which of the two rules; under `keep-source` the source's method is kept.",
              examples: ['keep-source'],
              type: 'string',
              enum: ['target-default', 'keep-source'],
            },
            kmsObjects: {
              description:
                'Whether sources with a KMS key are replicated (under `replicaKey`) or refused; `skip` unless named.',
              examples: ['replicate'],
              type: 'string',
              enum: ['replicate', 'skip'],
            },
            replicaKey: {
              description: 'The key, by its name in `keys:`, of replicas whose source has a KMS key.',
              examples: ['copies'],
              type: 'string',
              minLength: 1,
            },
          },
        },
      },
    },
  },
} as const;
