/** Owns the line in which messages are written: new ones, replies and edits; and telling others that somebody types. */
import { segment } from './client.js';
import { button, h } from './dom.js';
import { bodyOf } from './event-text.js';

/** @typedef {import('./rooms.js').ClientEvent} ClientEvent */
/** @typedef {import('./rooms.js').Room} Room */
/** @typedef {{ kind: 'reply' | 'edit', event: ClientEvent } | undefined} About */

const typingMs = 20_000;
const typingRepeatMs = 10_000;

export class Composer {
  /** @type {About} What the next message answers or edits. */
  #about;
  #typedAtMs = 0;
  #input = h('textarea', { id: 'composer', rows: 1, placeholder: 'Write a message', 'aria-label': 'Message' });
  #context = h('p', { class: 'context', hidden: true });

  /**
   * @param {import('./client.js').Client} client
   * @param {Room} room
   * @param {(error: unknown) => void} onError
   */
  constructor(client, room, onError) {
    this.client = client;
    this.room = room;
    this.onError = onError;
    const send = h('button', { type: 'submit', class: 'primary' }, 'Send');
    this.element = h('form', { class: 'composer' }, this.#context, this.#input, send);
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#input.addEventListener('input', () => this.#tellTyping(this.#input.value !== ''));
    this.#input.addEventListener('keydown', (event) => this.#onKey(event));
  }

  /** @param {About} about */
  setAbout(about) {
    this.#about = about;
    this.#context.hidden = about === undefined;
    if (about !== undefined) {
      const text = about.kind === 'edit' ? 'Editing' : `Replying to ${this.room.nameOf(about.event.sender)}`;
      this.#context.replaceChildren(
        `${text} `,
        button('Cancel', () => this.#cancel()),
      );
      if (about.kind === 'edit') this.#input.value = bodyOf(this.room.contentOf(about.event));
    }
    this.#input.focus();
  }

  #cancel() {
    if (this.#about?.kind === 'edit') this.#input.value = '';
    this.setAbout(undefined);
  }

  async #submit() {
    const body = this.#input.value.trim();
    if (body === '') return;
    const content = contentFor(body, this.#about);
    this.#input.value = '';
    this.setAbout(undefined);
    this.#tellTyping(false);
    try {
      await this.client.send(this.room.roomId, 'm.room.message', content);
    } catch (error) {
      // What somebody wrote is never lost.
      if (this.#input.value === '') this.#input.value = body;
      this.onError(error);
    }
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      void this.#submit();
    } else if (event.key === 'Escape') {
      this.#cancel();
    } else if (event.key === 'ArrowUp' && this.#input.value === '') {
      const isOwn = (/** @type {ClientEvent} */ { type, sender, unsigned }) =>
        sender === this.client.userId && type === 'm.room.message' && unsigned?.redacted_because === undefined;
      const own = this.room.messages.findLast(isOwn);
      if (own === undefined) return;
      event.preventDefault();
      this.setAbout({ kind: 'edit', event: own });
    }
  }

  /** @param {boolean} typing */
  #tellTyping(typing) {
    const now = Date.now();
    if (typing ? now - this.#typedAtMs < typingRepeatMs : this.#typedAtMs === 0) return;
    this.#typedAtMs = typing ? now : 0;
    const body = typing ? { typing, timeout: typingMs } : { typing };
    const path = `/rooms/${segment(this.room.roomId)}/typing/${segment(this.client.userId)}`;
    // Nobody is told when this fails: it is of no consequence.
    this.client.ask('PUT', path, { body }).catch(() => undefined);
  }
}

/** @param {string} body @param {About} about */
function contentFor(body, about) {
  const content = { msgtype: 'm.text', body };
  if (about === undefined) return content;
  const { event_id: eventId, sender } = about.event;
  if (about.kind === 'reply') {
    const relation = { 'm.in_reply_to': { event_id: eventId } };
    return { ...content, 'm.relates_to': relation, 'm.mentions': { user_ids: [sender] } };
  }
  const relation = { rel_type: 'm.replace', event_id: eventId };
  return { msgtype: 'm.text', body: `* ${body}`, 'm.new_content': content, 'm.relates_to': relation };
}
