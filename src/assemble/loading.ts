import { LOCAL_CAPABILITIES } from '../backends/local/store.ts';
import { policyServices } from '../cli/policy-services.ts';
import { readEnvironment } from '../config/environment.ts';
import type { DeclaredConfig, GatewayConfig } from '../config/gateway-config.ts';
import type { GatewayNames } from '../config/gateway-schema.ts';
import type { LoadedPolicy } from '../config/load.ts';
import { policyFactsOf } from '../config/policy-world.ts';
import { readReferencedFile, type ReferenceSources } from '../config/secret-reference.ts';
import { readConfigFile } from '../config/source-file.ts';
import { DIALECT_NAMES, STORE_TYPES } from '../dialects/index.ts';
import { compilePolicy, type CompiledPolicy } from '../policy/compile.ts';

/** The names that configurations may use: the registry's languages and store types, and the embedded store. */
export const NAMES: GatewayNames = {
  dialects: DIALECT_NAMES,
  stores: { ...STORE_TYPES, local: { dialect: undefined, capabilities: LOCAL_CAPABILITIES } },
};

/** Reading and judging configurations and policies, as commands and the running gateway do it. */
export const files = policyServices({ names: NAMES, readFile: readConfigFile });

/** Where references are resolved from: this process's environment and disk. */
export function referenceSources(): ReferenceSources {
  return { environment: readEnvironment(), readFile: readReferencedFile };
}

/** A policy for a configuration whose references are resolved. */
export function compileLoaded(policy: LoadedPolicy, config: DeclaredConfig | GatewayConfig): CompiledPolicy {
  return compilePolicy(policy.document, policy, policyFactsOf(config));
}
