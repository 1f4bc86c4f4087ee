/** Owns the two ways in which asking another server fails. */

/** The other server answered, with an error. `errcode` is undefined when its answer was none of Matrix's. */
export class RemoteRefusal extends Error {
  override name = 'RemoteRefusal';
  readonly status: number;
  readonly errcode: string | undefined;

  constructor(status: number, errcode: string | undefined, message: string) {
    super(message);
    this.status = status;
    this.errcode = errcode;
  }
}

/** There was no answer, or none that can be used: not found, not trusted, not in time, too large, or not asked at all. */
export class RemoteUnreachable extends Error {
  override name: string = 'RemoteUnreachable';
}

/** It was not even connected to, so that nothing of the request has reached it. */
export class NotConnected extends RemoteUnreachable {
  override name = 'NotConnected';
}
