/** Owns the list of rooms with what is unread in each. */
import { h } from './dom.js';

/**
 * @param {import('./rooms.js').Rooms} rooms
 * @param {string | undefined} openId
 * @param {(roomId: string) => void} onOpen
 */
export function roomListItems(rooms, openId, onOpen) {
  const direct = rooms.directRoomIds;
  return rooms.sorted.map((room) => {
    const title = room.title(rooms.ownId);
    const isInvitation = room.membership === 'invite';
    const label = isInvitation ? `Invitation: ${title}` : title;
    const badge = isInvitation ? 'new' : String(room.unread);
    const hasBadge = isInvitation || (room.unread > 0 && room.roomId !== openId);
    return h(
      'li',
      {},
      h(
        'button',
        {
          type: 'button',
          'aria-current': room.roomId === openId ? 'true' : undefined,
          onclick: () => onOpen(room.roomId),
        },
        h('span', { class: 'kind', 'aria-hidden': 'true' }, direct.has(room.roomId) ? '@' : '#'),
        h('span', { class: 'title' }, label),
        hasBadge
          ? h(
              'span',
              { class: `badge${room.highlights > 0 ? ' highlight' : ''}` },
              badge,
              h('span', { class: 'hidden' }, isInvitation ? '' : ' unread'),
            )
          : undefined,
      ),
    );
  });
}
