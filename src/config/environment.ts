/** The environment variables: the only place that reads them; everybody else is given the result. */
export function readEnvironment(): Environment {
  return process.env;
}

export type Environment = Readonly<Record<string, string | undefined>>;
