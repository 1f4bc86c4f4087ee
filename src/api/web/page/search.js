/** Owns searching what was said. */
import { openDialog } from './dialogs.js';
import { field, form, h, timeOf } from './dom.js';
import { bodyOf } from './event-text.js';

/**
 * @param {import('./client.js').Client} client
 * @param {import('./rooms.js').Rooms} rooms
 * @param {(roomId: string) => void} onOpen
 */
export function searchDialog(client, rooms, onOpen) {
  const results = h('ul', { class: 'results', 'aria-live': 'polite' });
  return openDialog('Search', (close) => [
    form(
      {
        submit: 'Search',
        onsubmit: async ({ term = '' }) => {
          const body = { search_categories: { room_events: { search_term: term, order_by: 'recent' } } };
          const answer = await client.ask('POST', '/search', { body });
          const found = answer.search_categories.room_events.results ?? [];
          results.replaceChildren(
            ...found.map((/** @type {any} */ each) => resultItem(rooms, each.result, close, onOpen)),
          );
          if (found.length === 0) results.replaceChildren(h('li', {}, 'Nothing was found.'));
        },
      },
      field('Words', { name: 'term', type: 'search', required: true }),
    ),
    results,
  ]);
}

/**
 * @param {import('./rooms.js').Rooms} rooms
 * @param {any} event
 * @param {() => void} close
 * @param {(roomId: string) => void} onOpen
 */
function resultItem(rooms, event, close, onOpen) {
  const room = rooms.byId.get(event.room_id);
  const onclick = () => {
    close();
    onOpen(event.room_id);
  };
  const where = `${room?.title(rooms.ownId) ?? ''} · ${room?.nameOf(event.sender) ?? event.sender} · ${timeOf(event.origin_server_ts)}`;
  return h(
    'li',
    {},
    h(
      'button',
      { type: 'button', onclick },
      h('span', { class: 'muted' }, where),
      h('span', {}, bodyOf(event.content)),
    ),
  );
}
