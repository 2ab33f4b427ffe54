/** What the process answers; documented, tested, and relied on by scripts. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  /** `diff` found something: an answer, not a failure. */
  differences: 2,
  invalid: 3,
  testsFailed: 4,
  /** A store or a keyring does not answer as it should. */
  remote: 5,
  usage: 64,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
