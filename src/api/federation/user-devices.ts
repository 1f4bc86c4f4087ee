/** Owns the endpoint by which other servers learn all of a user's devices. */
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { serveDeviceList } from '#users/remote/serve-keys.ts';

export const getUserDevices = endpoint({
  operation: 'federation.getUserDevices',
  method: 'GET',
  path: '/_matrix/federation/v1/user/devices/{userId}',
  auth: 'server',
  rateLimit: 'none',
  spec: 'Server-Server API, Device Management',
  handler: async (context: Context, { params }) => rawJson(await serveDeviceList(context, params.userId)),
});
