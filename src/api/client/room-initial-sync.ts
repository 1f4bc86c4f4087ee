/** Owns the endpoint that gives the whole view of one room. */
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { findDirectoryVisibility } from '#rooms/directory/publish-room.ts';
import { findMessages } from '#rooms/find-messages.ts';
import { findMembershipInState, findWholeState } from '#rooms/find-room-state.ts';
import { requireReaderOfAll } from '#rooms/partial/require-members.ts';
import { renderEvent } from '#rooms/render-events.ts';
import { optionsOfPage } from '#rooms/render-page.ts';
import { findRoomAccountData } from '#storage/users/find-room-account-data.ts';

const MESSAGES_MAX = 20;

export const roomInitialSync = endpoint({
  operation: 'client.roomInitialSync',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/initialSync',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/initialSync'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'none',
  spec: 'Client-Server API, Room previews',
  handler: async (context: Context, { params: { roomId }, principal, signal }) => {
    const page = {
      user: principal,
      roomId,
      direction: 'b',
      from: undefined,
      to: undefined,
      limit: MESSAGES_MAX,
    } as const;
    const { reader, chunk, start, end } = await findMessages(context, { ...page, filter: {} });
    const { room, root } = reader.isPartial ? await requireReaderOfAll(context, principal, { roomId, signal }) : reader;
    const state = await findWholeState(context, room.roomNid, root);
    const options = await optionsOfPage(context, principal, reader, chunk);
    const list = (events: typeof chunk): string => events.map((event) => renderEvent(event, options)).join(',');
    const membership = await findMembershipInState(context, room, root, principal.userId);
    const rest = {
      ...(membership !== undefined && { membership }),
      visibility: await findDirectoryVisibility(context, roomId),
      account_data: await findRoomAccountData(context.database, principal.userNid, room.roomNid),
    };
    const startPart = end === undefined ? '' : `"start":${JSON.stringify(end)},`;
    // Oldest first, so that what pages call their end lies before the first of them.
    return rawJson(
      `{"room_id":${JSON.stringify(roomId)},"messages":{${startPart}"end":${JSON.stringify(start)},` +
        `"chunk":[${list(chunk.toReversed())}]},"state":[${list(state)}],${JSON.stringify(rest).slice(1)}`,
    );
  },
});
