/** Owns the open room: its history with scroll-back, who types, and that what is seen counts as read. */
import { segment } from './client.js';
import { createComposer } from './composer.js';
import { h } from './dom.js';
import { messageElement } from './message.js';

/** @typedef {import('./rooms.js').Room} Room */

const pageSize = 50;
/** Nearer to the top than this, older messages are fetched. */
const nearTopPixels = 200;
const nearEndPixels = 80;

/**
 * @param {{ client: import('./client.js').Client, rooms: import('./rooms.js').Rooms, room: Room,
 *   onError: (error: unknown) => void, onBack: () => void, actions: Node[] }} parts
 */
export function createRoomView({ client, rooms, room, onError, onBack, actions }) {
  const list = h('ol', { class: 'messages', role: 'log', 'aria-label': 'Messages', tabindex: '0' });
  const typing = h('p', { class: 'typing', 'aria-live': 'polite' });
  const title = h('h2', { tabindex: '-1' });
  const presence = h('p', { class: 'muted' });
  const composer = createComposer(client, room, onError);
  let isLoading = false;
  let seen = '';

  const guard = (/** @type {Promise<unknown>} */ work) => void work.catch(onError);
  /** @type {import('./message.js').MessageActions} */
  const messageActions = {
    reply: (event) => composer.setAbout({ kind: 'reply', event }),
    edit: (event) => composer.setAbout({ kind: 'edit', event }),
    redact: (eventId) => guard(client.redact(room.roomId, eventId)),
    react: (event, key) => {
      const relation = { rel_type: 'm.annotation', event_id: event.event_id, key };
      guard(client.send(room.roomId, 'm.reaction', { 'm.relates_to': relation }));
    },
  };

  const markRead = () => {
    const last = room.timeline.at(-1)?.event_id;
    if (last === undefined || last === seen || document.hidden) return;
    seen = last;
    const path = `/rooms/${segment(room.roomId)}/receipt/m.read/${segment(last)}`;
    client.ask('POST', path, { body: {} }).catch(() => (seen = ''));
  };

  const update = () => {
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < nearEndPixels;
    const focused = document.activeElement?.closest('[data-event-id]')?.getAttribute('data-event-id');
    title.textContent = room.title(client.userId);
    presence.textContent = presenceText(rooms, room, client.userId);
    const elements = room.messages.map((event) => messageElement(room, event, client.userId, messageActions));
    list.replaceChildren(...elements.filter((each) => each !== undefined));
    const names = room.typing.map((id) => room.nameOf(id));
    typing.textContent = names.length === 0 ? '' : `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} typing…`;
    if (isAtEnd) list.scrollTop = list.scrollHeight;
    if (focused !== undefined && focused !== null) {
      const again = list.querySelector(`[data-event-id="${CSS.escape(focused)}"] button`);
      if (again instanceof HTMLElement) again.focus();
    }
    markRead();
  };

  const loadOlder = async () => {
    if (isLoading || room.backToken === undefined) return;
    isLoading = true;
    try {
      const query = { dir: 'b', from: room.backToken, limit: pageSize };
      const page = await client.ask('GET', `/rooms/${segment(room.roomId)}/messages`, { query });
      room.backToken = page.end;
      const before = list.scrollHeight;
      room.prepend(page.chunk);
      update();
      list.scrollTop += list.scrollHeight - before;
    } finally {
      isLoading = false;
    }
  };

  list.addEventListener('scroll', () => {
    if (list.scrollTop < nearTopPixels) guard(loadOlder());
  });
  const element = h(
    'section',
    { class: 'room', 'aria-label': 'Room' },
    h('header', {}, h('button', { type: 'button', class: 'back', onclick: onBack }, '‹ Rooms'), h('div', {}, title, presence), h('div', { class: 'actions' }, ...actions)),
    room.isEncrypted
      ? h('p', { class: 'banner', role: 'note' }, 'This room is encrypted: this page cannot read it, and what you write here is not encrypted. Use a client such as Element for it.')
      : undefined,
    list,
    typing,
    composer.element,
  );
  update();
  // A short history leaves nothing to scroll, so the first page is fetched without.
  requestAnimationFrame(() => {
    list.scrollTop = list.scrollHeight;
    if (list.scrollHeight <= list.clientHeight + nearTopPixels) guard(loadOlder());
  });
  document.addEventListener('visibilitychange', markRead);
  return {
    element,
    update,
    focus: () => title.focus(),
    close: () => document.removeEventListener('visibilitychange', markRead),
  };
}

/**
 * @param {import('./rooms.js').Rooms} rooms
 * @param {Room} room
 * @param {string} ownId
 */
function presenceText(rooms, room, ownId) {
  const others = room.memberIds.filter((id) => id !== ownId);
  const online = others.filter((id) => rooms.presence.get(id) === 'online');
  if (others.length === 1) return online.length === 1 ? 'online' : '';
  return `${others.length + 1} members${online.length === 0 ? '' : `, ${online.length} online`}`;
}
