/** Owns the one error that becomes an answer of the Matrix APIs. */
import { errcodeStatus, type Errcode } from '#matrix/errcodes.ts';

/**
 * Thrown for whatever the caller should be told: an `errcode`, a sentence that helps, and extra fields of the
 * error's JSON body (`retry_after_ms`, `soft_logout`, …). The status is the errcode's usual one unless given.
 */
export class MatrixError extends Error {
  readonly errcode: Errcode;
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(
    errcode: Errcode,
    message: string,
    options: { status?: number; fields?: Readonly<Record<string, unknown>>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MatrixError';
    this.errcode = errcode;
    this.status = options.status ?? errcodeStatus[errcode];
    this.fields = options.fields ?? {};
  }

  /** The JSON body of the answer. Specification: Client-Server API, "Standard error response". */
  toBody(): Record<string, unknown> {
    return { ...this.fields, errcode: this.errcode, error: this.message };
  }
}
