import type { Diagnostic } from '../config/diagnostics.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { policyFactsOf, principalOf } from '../config/policy-world.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { Principal } from '../policy/decision.ts';

/** Puts one question to every rule and prefix, for every client: an answer is needed, whichever it is; a throw is an ERROR. */
export function selfTest(policy: CompiledPolicy, config: GatewayConfig, now: number): readonly Diagnostic[] {
  const { stores } = policyFactsOf(config);
  const principals = config.clients.map((client) => live(principalOf(client, client.accessKeyId)));
  return policy.set.rules.flatMap((rule) => {
    const bucket = rule.pattern.replaceAll('*', 'x');
    const places = [{ key: 'x', ref: rule.effective.ref }].concat(
      rule.prefixes.map(({ prefix, effective }) => ({ key: `${prefix}x`, ref: effective.ref })),
    );
    return places.flatMap(({ key, ref }): readonly Diagnostic[] => {
      try {
        const store = stores[rule.store];
        if (store === undefined) throw new Error(`there is no store ${rule.store}`);
        policy.route(bucket);
        for (const principal of principals) {
          policy.access({ principal, action: 'write', bucket, key, secure: true, tlsVersion: 'TLSv1.3' });
          policy.decide({
            principal,
            bucket,
            key,
            wish: { state: 'absent' },
            wishesIgnored: false,
            bucketRule: undefined,
            store: { name: rule.store, capabilities: store.capabilities },
            canSeal: store.seals,
            bucketsWithoutRule: config.bucketsWithoutRule,
            secure: true,
            now,
          });
        }
        return [];
      } catch (error) {
        const message = `the rule ${ref.name} cannot decide: ${error instanceof Error ? error.message : String(error)}`;
        return [{ file: ref.file, line: ref.line, column: 1, length: 1, level: 'ERROR', code: 'self-test', message }];
      }
    });
  });
}

function live(principal: ReturnType<typeof principalOf>): Principal {
  const { transport } = principal;
  return {
    ...principal,
    transport: transport === undefined ? undefined : { minTls: undefined, ...transport },
  };
}
