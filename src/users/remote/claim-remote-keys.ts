/** Owns claiming one-time keys of devices of other servers. */
import { checkOneTimeKeys } from '#matrix/one-time-keys.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { KeysClaim, NamedClaim } from '#users/keys/claim-keys.ts';
import { askServers, groupByServer } from '#users/remote/ask-servers.ts';
import type { RemoteKeysParts } from '#users/remote/query-remote-keys.ts';
import { memberOf } from '#users/remote/read-keys.ts';

export type RemoteClaim = {
  readonly claimed: readonly NamedClaim[];
  /** By server name. */
  readonly failures: Readonly<Record<string, object>>;
};

/**
 * Claims keys of the servers of their users, of each in one request; of an answer only what was asked for is taken, one key
 * for each device. Specification: Server-Server API, `POST /user/keys/claim`.
 */
export async function claimRemoteKeys(
  { federation }: Pick<RemoteKeysParts, 'federation'>,
  claim: KeysClaim,
  timeoutMs: number | undefined,
): Promise<RemoteClaim> {
  const byServer = groupByServer(claim);
  const questions = Array.from(byServer, ([serverName, users]) => {
    const body = JSON.stringify({ one_time_keys: Object.fromEntries(users) });
    return { serverName, request: { method: 'POST', path: '/_matrix/federation/v1/user/keys/claim', body } as const };
  });
  const claimed: NamedClaim[] = [];
  const failures: (readonly [string, object])[] = [];
  for (const outcome of await askServers(federation.client, questions, timeoutMs)) {
    if ('failure' in outcome) failures.push([outcome.serverName, outcome.failure]);
    else claimed.push(...readAnswer(outcome.answer, byServer.get(outcome.serverName) ?? []));
  }
  return { claimed, failures: Object.fromEntries(failures) };
}

function readAnswer(
  answer: JsonObject,
  asked: readonly (readonly [string, Readonly<Record<string, string>>])[],
): NamedClaim[] {
  return asked.flatMap(([userId, algorithms]) => {
    const devices = memberOf(answer['one_time_keys'], userId);
    return Object.entries(algorithms).flatMap(([deviceId, algorithm]) => {
      const keys = memberOf(devices, deviceId);
      const checked = isJsonObject(keys) ? checkOneTimeKeys(keys) : [];
      const key = typeof checked === 'string' ? undefined : checked.find((each) => each.algorithm === algorithm);
      return key === undefined ? [] : [{ userId, deviceId, ...key }];
    });
  });
}
