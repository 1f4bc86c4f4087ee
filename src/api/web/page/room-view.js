/** Owns the open room: its history with scroll-back, who types, and that what is seen counts as read. */
import { segment } from './client.js';
import { Composer } from './composer.js';
import { button, h } from './dom.js';
import { messageElement } from './message.js';

/** @typedef {import('./rooms.js').Room} Room */

const pageSize = 50;
/** Nearer to the top than this, older messages are fetched. */
const nearTopPixels = 200;
const nearEndPixels = 80;
const encryptedNote =
  'This room is encrypted: this page cannot read it, and what you write here is not encrypted. Use an app such as Element for it.';

export class RoomView {
  #list = h('ol', { class: 'messages', 'aria-label': 'Messages', tabindex: '0' });
  #typing = h('p', { class: 'typing', 'aria-live': 'polite' });
  #title = h('h2', { tabindex: '-1' });
  #presence = h('p', { class: 'muted' });
  #isLoading = false;
  #seen = '';

  /**
   * @param {{ client: import('./client.js').Client, rooms: import('./rooms.js').Rooms, room: Room,
   *   onError: (error: unknown) => void, onBack: () => void, actions: Node[] }} parts
   */
  constructor({ client, rooms, room, onError, onBack, actions }) {
    this.client = client;
    this.rooms = rooms;
    this.room = room;
    this.onError = onError;
    this.composer = new Composer(client, room, onError);
    const back = h('button', { type: 'button', class: 'back', onclick: onBack }, '‹ Rooms');
    const heading = h('div', {}, this.#title, this.#presence);
    this.element = h(
      'section',
      { class: 'room', 'aria-label': 'Room' },
      h('header', {}, back, heading, h('div', { class: 'actions' }, ...actions)),
      room.isEncrypted ? h('p', { class: 'banner', role: 'note' }, encryptedNote) : undefined,
      h('div', { class: 'log', role: 'log', 'aria-label': 'Messages' }, this.#list),
      this.#typing,
      this.composer.element,
    );
    this.#list.addEventListener('scroll', () => {
      if (this.#list.scrollTop < nearTopPixels) this.#guard(this.#loadOlder());
    });
    document.addEventListener('visibilitychange', this.markRead);
    /** @type {import('./message.js').MessageActions} */
    this.messageActions = {
      reply: (event) => this.composer.setAbout({ kind: 'reply', event }),
      edit: (event) => this.composer.setAbout({ kind: 'edit', event }),
      redact: (eventId) => this.#guard(client.redact(room.roomId, eventId)),
      react: (event, key) => {
        const relation = { rel_type: 'm.annotation', event_id: event.event_id, key };
        this.#guard(client.send(room.roomId, 'm.reaction', { 'm.relates_to': relation }));
      },
    };
  }

  /** Called when the element is in the page. */
  open() {
    this.update();
    this.#list.scrollTop = this.#list.scrollHeight;
    // A short history leaves nothing to scroll, so the first page is fetched without.
    if (this.#list.scrollHeight <= this.#list.clientHeight + nearTopPixels) this.#guard(this.#loadOlder());
    this.#title.focus();
  }

  close() {
    document.removeEventListener('visibilitychange', this.markRead);
  }

  /** Shows the room as it is now. The place in the history and the focus stay where they were. */
  update() {
    const { room, client } = this;
    const list = this.#list;
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < nearEndPixels;
    const focused = focusedButton();
    this.#title.textContent = room.title(client.userId);
    this.#presence.textContent = presenceText(this.rooms, room, client.userId);
    const elements = room.messages.map((event) => messageElement(room, event, client.userId, this.messageActions));
    list.replaceChildren(...elements.filter((each) => each !== undefined));
    const names = room.typing.map((id) => room.nameOf(id));
    const verb = names.length === 1 ? 'is' : 'are';
    this.#typing.textContent = names.length === 0 ? '' : `${names.join(', ')} ${verb} typing…`;
    if (isAtEnd) list.scrollTop = list.scrollHeight;
    if (focused !== undefined) focusAgain(list, focused);
    this.markRead();
  }

  markRead = () => {
    const last = this.room.timeline.at(-1)?.event_id;
    if (last === undefined || last === this.#seen || document.hidden) return;
    this.#seen = last;
    const path = `/rooms/${segment(this.room.roomId)}/receipt/m.read/${segment(last)}`;
    // Said again with the next message, when this fails.
    this.client.ask('POST', path, { body: {} }).catch(() => (this.#seen = ''));
  };

  async #loadOlder() {
    const { room, client } = this;
    if (this.#isLoading || room.backToken === undefined) return;
    this.#isLoading = true;
    try {
      const query = { dir: 'b', from: room.backToken, limit: pageSize };
      const page = await client.ask('GET', `/rooms/${segment(room.roomId)}/messages`, { query });
      room.backToken = page.end;
      const heightBefore = this.#list.scrollHeight;
      room.prepend(page.chunk);
      this.update();
      this.#list.scrollTop += this.#list.scrollHeight - heightBefore;
    } finally {
      this.#isLoading = false;
    }
  }

  /** @param {Promise<unknown>} work */
  #guard(work) {
    work.catch(this.onError);
  }
}

/** The button of a message that has the focus: whoever works by keyboard must not lose it when the list is made anew. */
function focusedButton() {
  const label = document.activeElement?.getAttribute('aria-label');
  const eventId = document.activeElement?.closest('[data-event-id]')?.getAttribute('data-event-id');
  return typeof label === 'string' && typeof eventId === 'string' ? { label, eventId } : undefined;
}

/** @param {HTMLElement} list @param {{ label: string, eventId: string }} focused */
function focusAgain(list, { label, eventId }) {
  const buttons = list.querySelectorAll(`[data-event-id="${CSS.escape(eventId)}"] button`);
  const same = [...buttons].find((each) => each.getAttribute('aria-label') === label);
  if (same instanceof HTMLElement) same.focus();
}

/**
 * An invitation, to be answered.
 * @param {import('./client.js').Client} client
 * @param {Room} room
 * @param {(error: unknown) => void} onError
 */
export function invitationView(client, room, onError) {
  const answer = (/** @type {string} */ verb) => {
    client.ask('POST', `/rooms/${segment(room.roomId)}/${verb}`, { body: {} }).catch(onError);
  };
  return h(
    'section',
    { class: 'empty' },
    h('h2', {}, room.title(client.userId)),
    h('p', {}, `${room.nameOf(room.inviter)} (${room.inviter}) invites you.`),
    h('button', { type: 'button', class: 'primary', onclick: () => answer('join') }, 'Join'),
    button('Decline', () => answer('leave')),
  );
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
