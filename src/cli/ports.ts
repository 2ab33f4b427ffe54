import type { Diagnostic } from '../config/diagnostics.ts';
import type { LoadOutcome } from '../config/load.ts';
import type { JsonSchema } from '../config/schema-check.ts';
import type { DeclaredConfig } from '../config/gateway-config.ts';
import type { Keyring } from '../model/keyring.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { HeadQuestion, HeadReading, StorePreview, StoreQuestion } from '../inspection/question.ts';
import type { ExitCode } from './exit-codes.ts';

/** What commands are given; `assemble.ts` implements it, tests give it little ones. */
export interface Services {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Whether stdout is a terminal that takes colours. */
  readonly colours: boolean;
  /** ms since the epoch. */
  readonly now: () => number;
  /** Reads and judges a configuration and its policy; never throws for bad input. */
  readonly load: (configFile: string) => LoadOutcome;
  /** Resolves references and asks stores and keyrings; findings on top of those of `load`. */
  readonly checkOnline: (outcome: LoadOutcome) => Promise<readonly Diagnostic[]>;
  /** The policy of a configuration, ready to be asked; undefined where an ERROR stands against it. */
  readonly compile: (outcome: LoadOutcome) => CompiledPolicy | undefined;
  /** A policy file by itself, for `diff`; its keys as the stores of `config` have them, where there is one. */
  readonly loadPolicy: (policyFile: string, config?: DeclaredConfig) => PolicyAlone;
  /** A pasted request's head, understood by its own language; its signature is not checked. */
  readonly readHead: (text: string, question: HeadQuestion) => Promise<HeadReading>;
  /** What stores would be told of a request. */
  readonly storePreviews: (question: StoreQuestion) => readonly StorePreview[];
  /** Access key ids of the clients by position, where they can be had. */
  readonly clientIds: (outcome: LoadOutcome) => readonly (string | undefined)[];
  /** Listens until told to stop. Rejects with a `StartRefused` where the configuration does not allow a start. */
  readonly serve: (configFile: string, options: ServeOptions) => Promise<Running>;
  /** Asks a running gateway on its admin port. */
  readonly status: (configFile: string) => Promise<StatusReport>;
  /** The configuration's keyring, for its own tools; says why there is none. */
  readonly openKeys: (
    configFile: string,
  ) => Promise<{ readonly ok: true; readonly keyring: KeyTool } | { readonly ok: false; readonly reason: string }>;
  readonly schemas: () => Readonly<Record<SchemaName, JsonSchema>>;
  /** Writes a file that a user named; for `--junit` and `schema --write`. */
  readonly writeFile: (path: string, text: string) => void;
  /** Text of a file that a user named, `-` for standard input, or why it cannot be had. */
  readonly readFile: (
    path: string,
  ) => { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: string };
}

/** What operators do with a keyring. */
export interface KeyTool extends Pick<Keyring, 'list'> {
  /** Answers the new current version; older ones still open what they sealed. */
  rotate(keyId: string): Promise<string>;
  disable(keyId: string): Promise<void>;
  enable(keyId: string): Promise<void>;
}

export type SchemaName = 'gateway' | 'policy' | 'cases';

export interface PolicyAlone {
  readonly policy: CompiledPolicy | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

export interface ServeOptions {
  /** Make missing credentials and certificates for a first start on one's own machine. */
  readonly quickstart: boolean;
}

/** A gateway that listens. */
export interface Running {
  readonly listeners: readonly RunningListener[];
  readonly admin: string | undefined;
  readonly revision: string;
  /** Warnings that did not stop the start. */
  readonly diagnostics: readonly Diagnostic[];
  /** Set after a quickstart. */
  readonly quickstart: QuickstartReport | undefined;
  /** Settles when the gateway has stopped, with the code to exit with. */
  readonly stopped: Promise<ExitCode>;
  stop(): void;
}

export interface RunningListener {
  readonly name: string;
  /** `http://127.0.0.1:9000`. */
  readonly url: string;
  readonly secure: boolean;
}

export interface QuickstartReport {
  /** Files made just now. */
  readonly created: readonly string[];
  /** The first client's own, to be shown on the terminal of whoever started it, and nowhere else. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  readonly certificate: string | undefined;
}

export interface StatusReport {
  readonly reachable: boolean;
  /** JSON from the admin port, or why there is none. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A store or the keyring does not allow a start; the message says which and what to do. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed';
}

/** The configuration does not allow a start; carries what to print. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super('the configuration does not allow a start');
    this.diagnostics = diagnostics;
  }
}
