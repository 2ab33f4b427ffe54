import type { Capabilities } from '../model/backend.ts';
import type { KeySpelling } from '../model/encryption.ts';
import type { ClientConfig, DeclaredConfig, GatewayConfig } from './gateway-config.ts';

/** What a policy needs to know of the gateway's configuration, in the shape that `compilePolicy` takes. */
export interface PolicyFacts {
  readonly stores: Readonly<
    Record<
      string,
      {
        readonly capabilities: Capabilities;
        readonly seals: boolean;
        readonly type: string;
        readonly keySpelling?: KeySpelling;
      }
    >
  >;
  readonly bucketsWithoutRule: 'managed' | 'none';
}

/** That a sealing store has its keyring is an ERROR of its own, so it is taken for granted here. */
export function policyFactsOf(config: DeclaredConfig | GatewayConfig): PolicyFacts {
  return {
    stores: Object.fromEntries(
      Object.entries<{
        readonly type: string;
        readonly capabilities: Capabilities;
        readonly keySpelling?: KeySpelling;
      }>(config.stores).map(([name, { type, capabilities, keySpelling }]) => [
        name,
        { type, capabilities, seals: capabilities.seals, ...(keySpelling === undefined ? {} : { keySpelling }) },
      ]),
    ),
    bucketsWithoutRule: config.bucketsWithoutRule,
  };
}

/** A client as the policy sees it: its rights without its secret. */
export function principalOf(
  client: Pick<ClientConfig, 'grants' | 'keys' | 'replicator' | 'transport'>,
  accessKeyId: string,
): {
  readonly accessKeyId: string;
  readonly grants: ClientConfig['grants'];
  readonly keys: readonly string[];
  readonly replicator: boolean;
  readonly transport: { readonly httpsOnly?: boolean; readonly minTls?: '1.2' | '1.3' } | undefined;
} {
  const { grants, keys, replicator, transport } = client;
  return { accessKeyId, grants, keys, replicator, transport };
}
