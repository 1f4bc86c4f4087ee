/** Owns the endpoints by which users see, name and remove their devices. */
import { Type } from 'typebox';
import { answer } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import type { Database } from '#storage/database.ts';
import type { Streams } from '#streams/streams.ts';
import { deviceIdSchema, displayNameSchema } from '#users/device-schemas.ts';
import { listDevices, renameDevice, requireDevice } from '#users/devices.ts';
import { removeDevices, type DeviceRemovalParts } from '#users/remove-devices.ts';
import { authoriseUser, useConfirmation, userAuthSchema, type AuthoriseUserParts } from '#users/uia/authorise-user.ts';

const DEVICES_PER_REQUEST_MAX = 1_000;

/** What reading devices and naming them needs. */
export type DevicesContext = { readonly database: Database; readonly streams: Pick<Streams, 'write'> };

/** What removing devices needs. */
export type RemoveDevicesContext = AuthoriseUserParts & DeviceRemovalParts;

export const getDevices = endpoint({
  operation: 'client.getDevices',
  method: 'GET',
  path: '/_matrix/client/v3/devices',
  aliases: ['/_matrix/client/r0/devices'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'none',
  spec: 'Client-Server API, Device Management',
  handler: async ({ database }: DevicesContext, { principal }) => ({
    devices: await listDevices(database, principal.userNid),
  }),
});

export const getDevice = endpoint({
  operation: 'client.getDevice',
  method: 'GET',
  path: '/_matrix/client/v3/devices/{deviceId}',
  aliases: ['/_matrix/client/r0/devices/{deviceId}'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'none',
  spec: 'Client-Server API, Device Management',
  handler: ({ database }: DevicesContext, { params, principal }) =>
    requireDevice(database, principal.userNid, params.deviceId),
});

export const updateDevice = endpoint({
  operation: 'client.updateDevice',
  method: 'PUT',
  path: '/_matrix/client/v3/devices/{deviceId}',
  aliases: ['/_matrix/client/r0/devices/{deviceId}'],
  auth: 'user',
  guests: true,
  rateLimit: 'send',
  body: Type.Object({ display_name: Type.Optional(displayNameSchema) }),
  spec: 'Client-Server API, Device Management',
  handler: async ({ database, streams }: DevicesContext, { params, body, principal }) => {
    if (body.display_name === undefined) await requireDevice(database, principal.userNid, params.deviceId);
    else await renameDevice(streams, principal.userNid, params.deviceId, body.display_name);
    return {};
  },
});

export const deleteDevice = endpoint({
  operation: 'client.deleteDevice',
  method: 'DELETE',
  path: '/_matrix/client/v3/devices/{deviceId}',
  aliases: ['/_matrix/client/r0/devices/{deviceId}'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  body: Type.Object({ auth: userAuthSchema }),
  spec: 'Client-Server API, Device Management',
  handler: async (context: RemoveDevicesContext, { params, body, principal }) => {
    const verdict = await authoriseUser(context, {
      operation: 'client.deleteDevice',
      userNid: principal.userNid,
      request: params.deviceId,
      auth: body.auth,
    });
    if (!verdict.authorised) return answer({ status: 401, body: verdict.challenge });
    const deviceIds = [params.deviceId];
    await removeDevices(context, { userNid: principal.userNid, deviceIds }, (tx) =>
      useConfirmation(tx, verdict.sessionHash),
    );
    return {};
  },
});

export const deleteDevices = endpoint({
  operation: 'client.deleteDevices',
  method: 'POST',
  path: '/_matrix/client/v3/delete_devices',
  aliases: ['/_matrix/client/r0/delete_devices'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  body: Type.Object({
    devices: Type.Array(deviceIdSchema, { maxItems: DEVICES_PER_REQUEST_MAX }),
    auth: userAuthSchema,
  }),
  spec: 'Client-Server API, Device Management',
  handler: async (context: RemoveDevicesContext, { body, principal }) => {
    const verdict = await authoriseUser(context, {
      operation: 'client.deleteDevices',
      userNid: principal.userNid,
      request: JSON.stringify(body.devices),
      auth: body.auth,
    });
    if (!verdict.authorised) return answer({ status: 401, body: verdict.challenge });
    await removeDevices(context, { userNid: principal.userNid, deviceIds: body.devices }, (tx) =>
      useConfirmation(tx, verdict.sessionHash),
    );
    return {};
  },
});
