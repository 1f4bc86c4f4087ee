/** Owns the endpoint that lists what a user has been notified about. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { renderEvent } from '#rooms/render-events.ts';
import { findNotifications } from '#sync/unread/find-notifications.ts';

const LIMIT_DEFAULT = 20;
const LIMIT_MAX = 100;

export const getNotifications = endpoint({
  operation: 'client.getNotifications',
  method: 'GET',
  path: '/_matrix/client/v3/notifications',
  aliases: ['/_matrix/client/r0/notifications'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'none',
  spec: 'Client-Server API, Listing Notifications',
  query: Type.Object({
    from: Type.Optional(Type.String()),
    limit: Type.Optional(Type.Integer({ minimum: 1 })),
    only: Type.Optional(Type.String()),
  }),
  handler: async (context: Context, { query, principal }) => {
    const page = await findNotifications(context, principal, {
      from: query.from,
      limit: Math.min(query.limit ?? LIMIT_DEFAULT, LIMIT_MAX),
      onlyHighlights: query.only === 'highlight',
    });
    const now = context.clock.now();
    const notifications = page.notifications.map(({ room, event, actions, isRead }) => {
      const { version, roomId } = room;
      const json = renderEvent(event, { roomId: undefined, deviceNid: principal.deviceNid, now, version });
      const end = `"read":${isRead},"room_id":${JSON.stringify(roomId)},"ts":${event.originServerTs}}`;
      return `{"actions":${JSON.stringify(actions)},"event":${json},${end}`;
    });
    const next = page.next === undefined ? '' : `,"next_token":"${page.next}"`;
    return rawJson(`{"notifications":[${notifications.join(',')}]${next}}`);
  },
});
