/** Owns the endpoints by which people log out. */
import { endpoint } from '#http/endpoint.ts';
import { removeDevices, type DeviceRemovalParts } from '#users/remove-devices.ts';

/** What a logout needs. */
export type LogoutContext = DeviceRemovalParts;

export const logout = endpoint({
  operation: 'client.logout',
  method: 'POST',
  path: '/_matrix/client/v3/logout',
  aliases: ['/_matrix/client/r0/logout'],
  auth: 'user',
  allow: ['locked', 'suspended'],
  rateLimit: 'none',
  spec: 'Client-Server API, Login',
  handler: async (context: LogoutContext, { principal }) => {
    await removeDevices(context, { userNid: principal.userNid, deviceIds: [principal.deviceId] });
    return {};
  },
});

export const logout_all = endpoint({
  operation: 'client.logout_all',
  method: 'POST',
  path: '/_matrix/client/v3/logout/all',
  aliases: ['/_matrix/client/r0/logout/all'],
  auth: 'user',
  allow: ['locked', 'suspended'],
  rateLimit: 'none',
  spec: 'Client-Server API, Login',
  handler: async (context: LogoutContext, { principal }) => {
    await removeDevices(context, { userNid: principal.userNid, exceptDeviceNid: 0 });
    return {};
  },
});
