/** Owns the error of a start that cannot go on, in words for the operator. */

/** The message is one sentence that says what is wrong and what to do; the command line prints it without a stack. */
export class StartError extends Error {
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'StartError';
    this.exitCode = options.exitCode ?? 1;
  }
}
