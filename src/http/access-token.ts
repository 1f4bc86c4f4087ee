/** Owns finding the access token of a request; nothing else reads it, and nothing logs it. */
import { MatrixError } from '#matrix/error.ts';

/**
 * The token of `Authorization: Bearer …`, else of the deprecated `?access_token=…`, else undefined. Another
 * authorisation scheme, and an empty token, is no token. Two that differ are refused with 401: which of them an
 * intermediary judged is unknown.
 * Specification: Client-Server API, "Using access tokens".
 */
export function findAccessToken(
  authorization: string | undefined,
  query: URLSearchParams | undefined,
): string | undefined {
  const inHeader = authorization === undefined ? undefined : /^bearer +(\S+) *$/i.exec(authorization)?.[1];
  if (query === undefined) return inHeader;
  const tokens = new Set(query.getAll('access_token'));
  if (inHeader !== undefined) tokens.add(inHeader);
  tokens.delete('');
  if (tokens.size > 1) {
    throw new MatrixError('M_UNKNOWN_TOKEN', 'The request carries two access tokens that differ.');
  }
  return tokens.values().next().value;
}
