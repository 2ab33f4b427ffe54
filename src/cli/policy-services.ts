import type { DeclaredConfig } from '../config/gateway-config.ts';
import type { GatewayNames } from '../config/gateway-schema.ts';
import { loadConfig, loadPolicyFile } from '../config/load.ts';
import type { LoadedPolicy, LoadOutcome, PolicyFinding } from '../config/load.ts';
import { policyFactsOf, principalOf } from '../config/policy-world.ts';
import type { ConfigFile } from '../config/source-file.ts';
import { compilePolicy } from '../policy/compile.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { Principal } from '../policy/decision.ts';
import { findings } from '../policy/findings.ts';
import type { Services } from './ports.ts';

/** The services about files and policies: configuration and policy joined, nothing else. */
export function policyServices(ports: {
  readonly names: GatewayNames;
  readonly readFile: (path: string) => ConfigFile;
}): Pick<Services, 'load' | 'compile' | 'loadPolicy'> {
  return {
    load: (configFile) => loadConfig(configFile, { ...ports, judgePolicy }),
    compile: (outcome) => compiledOf(outcome),
    loadPolicy: (policyFile, config) => {
      const { loaded, diagnostics } = loadPolicyFile(policyFile, ports.readFile);
      // Without a gateway keys at embedded stores are named by their ids, on both sides.
      const world =
        config === undefined ? { stores: {}, bucketsWithoutRule: 'managed' as const } : policyFactsOf(config);
      const policy = loaded && compilePolicy(loaded.document, loaded, world);
      return { policy, diagnostics };
    },
  };
}

/** The second pass over a policy that its schema accepts, against the stores and clients of its gateway. */
export function judgePolicy(policy: LoadedPolicy, config: DeclaredConfig): readonly PolicyFinding[] {
  const world = policyFactsOf(config);
  const compiled = compilePolicy(policy.document, policy, world);
  return findings(policy.document, compiled, { ...world, clients: config.clients.map(declaredPrincipal) });
}

function compiledOf({ config, policy }: LoadOutcome): CompiledPolicy | undefined {
  return config === undefined || policy === undefined
    ? undefined
    : compilePolicy(policy.document, policy, policyFactsOf(config));
}

/** A client before its key id is known: findings call it by its name or by its reference. */
function declaredPrincipal(client: DeclaredConfig['clients'][number]): Principal {
  const { from, value } = client.accessKeyId;
  return principalOf(client, client.name ?? (from === 'clear' ? value : `\${${from}:${value}}`));
}
