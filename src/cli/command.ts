/** Owns what a command of the command line is. */

export const exitCodes = { ok: 0, failure: 1, usage: 2 } as const;

export type Command = {
  /** What `causeway help COMMAND` prints. */
  readonly help: string;
  /** Runs with the arguments after the command's name and returns the exit code. */
  readonly run: (args: readonly string[]) => Promise<number>;
};

/** The command line itself is wrong; the message says how. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
