/** Owns finding out which server has sent a request. Specification: Server-Server API, "Request Authentication". */
import type { Keyring } from '#federation/keyring.ts';
import { MatrixError } from '#matrix/error.ts';
import { isServerName } from '#matrix/ids.ts';
import type { ExactJsonValue } from '#matrix/pdu.ts';
import { readXMatrix, signedRequestText, type XMatrixHeader } from '#matrix/x-matrix.ts';

/** The server that has signed a request. */
export type ServerPrincipal = { readonly origin: string };

/** Who a request says to be from, before that is checked. */
export type ServerClaim = XMatrixHeader & { readonly destination: string };

export type ServerAuthenticator = {
  /** Reads the values of all `Authorization` headers. Throws M_UNAUTHORIZED for what cannot be right whatever is signed. */
  readonly readClaim: (authorization: readonly string[]) => ServerClaim;
  /**
   * Checks the signature over the request as it came: its raw target, and its body unless there is none. Throws
   * M_UNAUTHORIZED.
   */
  readonly checkClaim: (
    claim: ServerClaim,
    request: { readonly method: string; readonly target: string; readonly content: ExactJsonValue | undefined },
  ) => Promise<ServerPrincipal>;
};

export function createServerAuthenticator(parts: {
  readonly keyring: Pick<Keyring, 'checkRequest'>;
  readonly isLocal: (id: string) => boolean;
  readonly ownName: string;
  readonly isEnabled: boolean;
  /** Told of every server that is known to have sent a request. */
  readonly heard: (origin: string) => void;
}): ServerAuthenticator {
  const { keyring, isLocal, ownName, isEnabled, heard } = parts;
  return {
    readClaim: (authorization) => {
      if (!isEnabled) throw refused('This server has no name of its own and does not federate.');
      const [text, ...others] = authorization;
      if (text === undefined) throw refused('This request must be signed by a server: it has no Authorization header.');
      if (others.length > 0) throw refused('The request has several Authorization headers.');
      const header = readXMatrix(text);
      if (header === undefined) {
        throw refused('The Authorization header is no X-Matrix header with origin, destination, key and sig.');
      }
      if (!isServerName(header.origin)) throw refused('The origin of the request is no server name.');
      if (isLocal(header.origin)) throw refused('The request says to be from this server itself.');
      // Older servers leave the destination out, but sign it all the same.
      const destination = header.destination ?? ownName;
      if (!isLocal(destination))
        throw refused(`The request is for ${destination.slice(0, 300)}, which is not this server.`);
      return { ...header, destination };
    },
    checkClaim: async ({ origin, destination, keyId, signature }, { method, target, content }) => {
      const text = signedRequestText({ method, target, origin, destination, content });
      const isRight = await keyring.checkRequest(origin, keyId, text, signature);
      if (!isRight) throw refused(`The request is not signed by a key that ${origin} uses: ${keyId.slice(0, 300)}.`);
      heard(origin);
      return { origin };
    },
  };
}

function refused(message: string): MatrixError {
  return new MatrixError('M_UNAUTHORIZED', message);
}
