/** `gateway.yaml` as parsed: these names are settled; `gateway-schema.ts` says the same as JSON Schema. */
export interface GatewayDocument {
  readonly version: 1;
  readonly listeners: readonly ListenerDocument[];
  readonly admin?: AdminDocument;
  readonly domains?: readonly string[];
  readonly cnames?: Readonly<Record<string, string>>;
  readonly trustedProxies?: readonly string[];
  readonly bucketsWithoutRule?: 'managed' | 'none';
  readonly owner?: string;
  readonly stores: Readonly<Record<string, StoreDocument>>;
  readonly keyring?: KeyringDocument;
  readonly clients: readonly ClientDocument[];
  readonly policy: string;
  readonly shadowPolicy?: string;
  readonly limits?: LimitsDocument;
  readonly hosts?: Readonly<Record<string, HostDocument>>;
}

export interface AddressDocument {
  readonly host?: string;
  readonly port: number;
}

export interface AdminDocument extends AddressDocument {
  readonly token?: string;
  readonly hosts?: readonly string[];
}

export interface ListenerDocument extends AddressDocument {
  readonly name: string;
  readonly dialect?: string;
  readonly tls?: { readonly certificate: string; readonly key: string };
  readonly proxyProtocol?: boolean;
  readonly signatures?: { readonly ossV1?: 'allow' | 'deny'; readonly sigV2?: 'allow' | 'deny' };
}

/** The embedded store has a directory, a remote one the rest. */
export interface StoreDocument {
  readonly type: string;
  readonly directory?: string;
  readonly endpoint?: string;
  readonly region?: string;
  readonly addressing?: 'path' | 'virtual';
  readonly credentials?: CredentialsDocument;
  readonly capabilities?: CapabilitiesDocument;
  readonly ca?: string;
  readonly signature?: 'v1' | 'v4';
}

export interface CredentialsDocument {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface CapabilitiesDocument {
  readonly managed?: 'AES256' | 'SM4' | 'none' | readonly ('AES256' | 'SM4')[];
  readonly kms?: 'any' | 'none' | readonly string[];
  readonly kmsAlgorithms?: readonly ('AES256' | 'SM4')[];
  readonly layers?: readonly (1 | 2)[];
  readonly customerKey?: boolean;
  readonly kmsDefaultKey?: boolean;
  readonly context?: boolean;
  readonly bucketKey?: boolean;
  readonly copyWithEncryption?: boolean;
  readonly conditionalCopy?: boolean;
  readonly keys?: 'exact' | 'folded';
  readonly bucketEncryption?: boolean;
  readonly payload?: 'signed-chunks' | 'unsigned';
  readonly minimumPartSize?: string | number;
  readonly checksumHeaders?: boolean;
  readonly append?: boolean;
  readonly tagging?: boolean;
  readonly bucketInfo?: boolean;
  readonly completesAll?: boolean;
}

export interface KeyringDocument {
  readonly type: 'local' | 'vault-transit' | 'aws-kms' | 'aliyun-kms';
  readonly file?: string;
  readonly endpoint?: string;
  readonly mount?: string;
  readonly namespace?: string;
  readonly token?: string;
  readonly region?: string;
  readonly credentials?: CredentialsDocument;
  readonly ca?: string;
}

export interface ClientDocument extends CredentialsDocument {
  readonly name?: string;
  readonly grants?: readonly GrantDocument[];
  readonly keys?: readonly string[];
  readonly replicator?: boolean;
  readonly dialect?: string;
  readonly transport?: { readonly httpsOnly?: boolean; readonly minTls?: '1.2' | '1.3' };
}

export interface GrantDocument {
  readonly buckets: readonly string[];
  readonly prefixes?: readonly string[];
  readonly actions: readonly ('read' | 'write' | 'delete' | 'list' | 'configure')[];
}

/** Durations and sizes as written. */
export interface LimitsDocument {
  readonly head?: string | number;
  readonly idle?: string | number;
  readonly storeConnect?: string | number;
  readonly storeHead?: string | number;
  readonly storeCopyHead?: string | number;
  readonly slowHead?: string | number;
  readonly bucketRule?: string | number;
  readonly uploads?: string | number;
  readonly keepAlive?: string | number;
  readonly shutdown?: string | number;
  readonly inFlight?: string | number;
  readonly client?: { readonly requests?: number; readonly bytes?: string | number };
  readonly minimumRate?: string | number;
  readonly spool?: string | number;
  readonly connections?: number;
  readonly storeConnections?: number;
}

export interface HostDocument {
  readonly dialect: string;
}
