import type { DeclaredConfig } from '../config/gateway-config.ts';
import type { LoadOutcome } from '../config/load.ts';
import type { StorageRequest } from '../model/operations.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { Decision, Principal, Resolved } from '../policy/decision.ts';

/** A pasted request, and what its reading depends on. */
export interface HeadQuestion {
  readonly outcome: LoadOutcome;
  readonly policy: CompiledPolicy;
  readonly secure: boolean;
  readonly tls: '1.2' | '1.3';
  /** ms since the epoch. */
  readonly now: number;
  /** Instead of the client that the head names. */
  readonly principal: Principal | undefined;
  /** For a head that names nobody. */
  readonly everybody: Principal;
}

export type HeadReading =
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** The gateway would answer this before its policy is asked. */
  | {
      readonly kind: 'refused';
      readonly dialect: string;
      readonly status: number;
      readonly code: string;
      readonly message: string;
    }
  | {
      readonly kind: 'understood';
      readonly dialect: string;
      /** Undefined: the head carries no signature. */
      readonly form: string | undefined;
      readonly accessKeyId: string | undefined;
      readonly principal: Principal;
      /** Whether the client is one of the configuration's. */
      readonly known: boolean;
      readonly request: StorageRequest;
      readonly wishesIgnored: boolean;
      /** What the client's language and the store demand of the way that encrypted bytes take. */
      readonly transfer: (kind: Resolved['kind']) => { readonly code: string; readonly message: string } | undefined;
      /** Set for a sub-resource that passes through. */
      readonly forwarded?: StorePreview | undefined;
    };

/** What stores would be told of a request. */
export interface StoreQuestion {
  readonly config: DeclaredConfig;
  readonly policy: CompiledPolicy;
  readonly request: StorageRequest;
  /** For writes that the policy decided. */
  readonly decision: Decision | undefined;
}

/** A request as a store would get it; without a method only notes. */
export interface StorePreview {
  readonly store: string;
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly notes: readonly string[];
}
