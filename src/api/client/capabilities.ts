/** Owns the endpoint by which clients learn what they may do on this server. */
import { endpoint } from '#http/endpoint.ts';
import { roomVersions } from '#matrix/room-versions.ts';
import type { Database } from '#storage/database.ts';
import { isAdministrator } from '#users/administer-account.ts';

/** What the capabilities depend on. */
export type CapabilitiesContext = {
  readonly database: Database;
  readonly config: { readonly rooms: { readonly defaultVersion: string } };
};

/** The capabilities that are a flag, and the operation that each stands for. A test compares them with what is served. */
export const flagCapabilities = {
  'm.change_password': { enabled: true, operation: 'client.changePassword' },
  'm.set_displayname': { enabled: true, operation: 'client.setProfileField' },
  'm.set_avatar_url': { enabled: true, operation: 'client.setProfileField' },
  'm.profile_fields': { enabled: true, operation: 'client.setProfileField' },
  'm.get_login_token': { enabled: true, operation: 'client.generateLoginToken' },
} as const;

const flags = Object.fromEntries(Object.entries(flagCapabilities).map(([name, { enabled }]) => [name, { enabled }]));

// The specification calls all of them stable.
const roomVersionStability = Object.fromEntries(Array.from(roomVersions.keys(), (version) => [version, 'stable']));

export const getCapabilities = endpoint({
  operation: 'client.getCapabilities',
  method: 'GET',
  path: '/_matrix/client/v3/capabilities',
  aliases: ['/_matrix/client/r0/capabilities'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'default',
  spec: 'Client-Server API, Capabilities negotiation',
  handler: async ({ database, config }: CapabilitiesContext, { principal }) => {
    const mayModerate = await isAdministrator(database, principal.userNid);
    return {
      capabilities: {
        ...flags,
        // Their endpoints are served and refuse: the server keeps no e-mail addresses and no phone numbers.
        'm.3pid_changes': { enabled: false },
        ...(mayModerate && { 'm.account_moderation': { lock: true, suspend: true } }),
        'm.forget_forced_upon_leave': { enabled: false },
        'm.room_versions': {
          default: config.rooms.defaultVersion,
          available: roomVersionStability,
        },
      },
    };
  },
});
