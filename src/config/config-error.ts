/** Owns the one error of a wrong configuration, which carries every problem that was found. */

export type ConfigProblem = {
  /** Where it stands: `file:line` for a file, the variable's name for the environment. */
  readonly where: string;
  /** The key's path, such as `database.url`, or what was written where a key belongs. */
  readonly key: string;
  readonly message: string;
};

/** All problems of one configuration together, so that an operator mends them in one go. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(({ where, key, message }) => (where === key ? message : `${where}: ${message}`)).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}
