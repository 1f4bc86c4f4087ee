/** Owns the endpoint by which clients get credentials for relaying calls. */
import { createHmac } from 'node:crypto';
import type { Clock } from '#core/clock.ts';
import { endpoint } from '#http/endpoint.ts';

/** What the credentials depend on. */
export type VoipContext = {
  readonly clock: Clock;
  readonly config: {
    readonly turn: {
      readonly uris: readonly string[];
      readonly sharedSecret: string | undefined;
      readonly lifetimeS: number;
    };
  };
};

export const getTurnServer = endpoint({
  operation: 'client.getTurnServer',
  method: 'GET',
  path: '/_matrix/client/v3/voip/turnServer',
  aliases: ['/_matrix/client/r0/voip/turnServer'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'default',
  spec: 'Client-Server API, Voice over IP',
  handler: ({ clock, config }: VoipContext, { principal }) => {
    const { uris, sharedSecret, lifetimeS } = config.turn;
    if (uris.length === 0 || sharedSecret === undefined) return {};
    // draft-uberti-behave-turn-rest-00: the relay knows the secret, and needs to know nothing else.
    const username = `${Math.floor(clock.now() / 1_000) + lifetimeS}:${principal.userId}`;
    const password = createHmac('sha1', sharedSecret).update(username).digest('base64');
    return { username, password, uris, ttl: lifetimeS };
  },
});
