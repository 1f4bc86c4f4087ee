/** Owns the two ways in which asking another server fails. */
import type { JsonObject } from '#matrix/pdu.ts';

/** The other server answered, with an error. `errcode` is undefined when its answer was none of Matrix's. */
export class RemoteRefusal extends Error {
  override name = 'RemoteRefusal';
  readonly status: number;
  readonly errcode: string | undefined;
  /** All of the answer; empty if it was none of Matrix's. */
  readonly body: JsonObject;

  constructor(status: number, errcode: string | undefined, message: string, body: JsonObject = {}) {
    super(message);
    this.status = status;
    this.errcode = errcode;
    this.body = body;
  }
}

/** There was no answer, or none that can be used: not found, not trusted, not in time, too large, or not asked at all. */
export class RemoteUnreachable extends Error {
  override name: string = 'RemoteUnreachable';
}

/** Whether another server, or the way to it, is at fault. */
export function isRemoteFailure(error: unknown): error is RemoteRefusal | RemoteUnreachable {
  return error instanceof RemoteRefusal || error instanceof RemoteUnreachable;
}

/** It was not even connected to, so that nothing of the request has reached it. */
export class NotConnected extends RemoteUnreachable {
  override name = 'NotConnected';
}

/** It is there, but what it answered cannot be read: too large, or packed. */
export class BadAnswer extends RemoteUnreachable {
  override name = 'BadAnswer';
}
