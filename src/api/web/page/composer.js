/** Owns the line in which messages are written: new ones, replies and edits; and telling others that somebody types. */
import { segment } from './client.js';
import { h } from './dom.js';
import { bodyOf } from './event-text.js';

/** @typedef {import('./rooms.js').ClientEvent} ClientEvent */
/** @typedef {import('./rooms.js').Room} Room */

const typingMs = 20_000;
const typingRepeatMs = 10_000;

/**
 * @param {import('./client.js').Client} client
 * @param {Room} room
 * @param {(error: unknown) => void} onError
 */
export function createComposer(client, room, onError) {
  /** @type {{ kind: 'reply' | 'edit', event: ClientEvent } | undefined} */
  let about;
  let typedAtMs = 0;

  const input = /** @type {HTMLTextAreaElement} */ (
    h('textarea', { id: 'composer', rows: 1, placeholder: 'Write a message', 'aria-label': 'Message' })
  );
  const context = h('p', { class: 'context', hidden: true });
  const element = h('form', { class: 'composer' }, context, input, h('button', { type: 'submit', class: 'primary' }, 'Send'));

  const setAbout = (/** @type {typeof about} */ next) => {
    about = next;
    context.hidden = next === undefined;
    if (next !== undefined) {
      const cancel = h('button', { type: 'button', onclick: () => setAbout(undefined) }, 'Cancel');
      const text = next.kind === 'edit' ? 'Editing' : `Replying to ${room.nameOf(next.event.sender)}`;
      context.replaceChildren(`${text} `, cancel);
      if (next.kind === 'edit') input.value = bodyOf(room.contentOf(next.event));
    }
    input.focus();
  };

  const tellTyping = (/** @type {boolean} */ typing) => {
    const now = Date.now();
    if (typing && now - typedAtMs < typingRepeatMs) return;
    if (!typing && typedAtMs === 0) return;
    typedAtMs = typing ? now : 0;
    const body = typing ? { typing, timeout: typingMs } : { typing };
    // Nobody is told when this fails: it is of no consequence.
    client.ask('PUT', `/rooms/${segment(room.roomId)}/typing/${segment(client.userId)}`, { body }).catch(() => undefined);
  };

  const submit = async () => {
    const body = input.value.trim();
    if (body === '') return;
    const sent = about;
    input.value = '';
    setAbout(undefined);
    tellTyping(false);
    try {
      await client.send(room.roomId, 'm.room.message', contentFor(body, sent));
    } catch (error) {
      // What somebody wrote is never lost.
      if (input.value === '') input.value = body;
      onError(error);
    }
  };

  element.addEventListener('submit', (event) => {
    event.preventDefault();
    void submit();
  });
  input.addEventListener('input', () => tellTyping(input.value !== ''));
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      void submit();
    } else if (event.key === 'Escape') {
      if (about?.kind === 'edit') input.value = '';
      setAbout(undefined);
    } else if (event.key === 'ArrowUp' && input.value === '') {
      const own = room.messages.findLast(
        (each) => each.sender === client.userId && each.type === 'm.room.message' && each.unsigned?.redacted_because === undefined,
      );
      if (own !== undefined) {
        event.preventDefault();
        setAbout({ kind: 'edit', event: own });
      }
    }
  });
  return { element, setAbout };
}

/**
 * @param {string} body
 * @param {{ kind: 'reply' | 'edit', event: ClientEvent } | undefined} about
 */
function contentFor(body, about) {
  const content = { msgtype: 'm.text', body };
  if (about === undefined) return content;
  const { event, kind } = about;
  if (kind === 'reply') {
    return { ...content, 'm.relates_to': { 'm.in_reply_to': { event_id: event.event_id } }, 'm.mentions': { user_ids: [event.sender] } };
  }
  const relation = { rel_type: 'm.replace', event_id: event.event_id };
  return { msgtype: 'm.text', body: `* ${body}`, 'm.new_content': content, 'm.relates_to': relation };
}
