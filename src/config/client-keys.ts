import type { Diagnostic } from './diagnostics.ts';
import type { GatewayDocument } from './gateway-document.ts';
import { didYouMean } from './suggestion.ts';
import type { YamlFile } from './yaml-file.ts';

/** Grants of keys by name: a name that the policy does not declare would grant nothing, silently. */
export function checkClientKeys(
  file: YamlFile,
  { clients }: GatewayDocument,
  declared: readonly string[],
): readonly Diagnostic[] {
  return clients.flatMap(({ keys = [] }, i) =>
    keys.flatMap((alias, j): readonly Diagnostic[] => {
      if (alias === '*' || alias === 'default' || declared.includes(alias)) return [];
      const declare = `${JSON.stringify(alias)}: {}`;
      return [
        file.report(file.locate(['clients', i, 'keys', j]), {
          level: 'ERROR',
          code: 'alias-undeclared',
          message: `"keys" of the policy has no key "${alias}"`,
          suggestion: didYouMean(alias, declared) ?? `add it to the policy's keys: ${declare}`,
          declare,
        }),
      ];
    }),
  );
}
