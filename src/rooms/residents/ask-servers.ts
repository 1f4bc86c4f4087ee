/** Owns asking several servers of a room, one after the other, and which of their refusals the user is told. */
import type { Clock } from '#core/clock.ts';
import { RemoteRefusal, RemoteUnreachable } from '#federation/remote-errors.ts';
import type { Errcode } from '#matrix/errcodes.ts';
import { MatrixError } from '#matrix/error.ts';

/** A server's answer is not what was asked for, and is not used. */
export class BadAnswerError extends Error {
  override name = 'BadAnswerError';
}

/** Servers that are asked at most. */
const SERVERS_MAX = 10;
/** After so much time no further one is. */
const PATIENCE_MS = 60_000;

/** The refusals that say something of the request, the most telling first. */
const telling: readonly Errcode[] = [
  'M_INCOMPATIBLE_ROOM_VERSION',
  'M_FORBIDDEN',
  'M_UNABLE_TO_AUTHORISE_JOIN',
  'M_UNABLE_TO_GRANT_JOIN',
  'M_NOT_FOUND',
];

/**
 * The first answer that is one. Throws the most telling of the refusals as a MatrixError, M_UNKNOWN with status 502 when no
 * server has answered usefully, and whatever else `ask` throws at once.
 */
export async function askServers<Result>(
  { clock }: { readonly clock: Clock },
  servers: readonly string[],
  ask: (serverName: string) => Promise<Result>,
): Promise<Result> {
  const failures: MatrixError[] = [];
  const deadline = clock.monotonicMs() + PATIENCE_MS;
  for (const server of servers.slice(0, SERVERS_MAX)) {
    if (clock.monotonicMs() > deadline) break;
    try {
      return await ask(server);
    } catch (error) {
      const failure = failureOf(error, server);
      if (failure === undefined) throw error;
      failures.push(failure);
    }
  }
  const ranked = failures.map((failure) => ({ failure, rank: telling.indexOf(failure.errcode) }));
  const best = ranked.filter(({ rank }) => rank !== -1).toSorted((a, b) => a.rank - b.rank)[0]?.failure;
  throw best ?? failures.at(-1) ?? unreachable('No server is known that is in this room.');
}

/** What a failed question means to the user; undefined for a failure of our own. */
function failureOf(error: unknown, server: string): MatrixError | undefined {
  if (error instanceof MatrixError && telling.includes(error.errcode)) return error;
  if (error instanceof RemoteRefusal) {
    const errcode = telling.find((code) => code === error.errcode);
    if (errcode === undefined) return unreachable(`${server} refused: ${error.message}`, error);
    const { room_version: version } = error.body;
    const fields =
      errcode === 'M_INCOMPATIBLE_ROOM_VERSION' && typeof version === 'string' ? { room_version: version } : {};
    return new MatrixError(errcode, `${server} refused: ${error.message}`, { fields, cause: error });
  }
  if (error instanceof BadAnswerError || error instanceof RemoteUnreachable) {
    return unreachable(`${server} could not be asked: ${error.message}`, error);
  }
  return undefined;
}

function unreachable(message: string, cause?: unknown): MatrixError {
  return new MatrixError('M_UNKNOWN', message, { status: 502, cause });
}
