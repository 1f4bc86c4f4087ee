/** Owns one message of the history, and what can be done with it. */
import { h, timeOf } from './dom.js';
import { bodyOf, linkified, noticeOf } from './event-text.js';

/** @typedef {import('./rooms.js').ClientEvent} ClientEvent */
/** @typedef {import('./rooms.js').Room} Room */

const quickReactions = ['👍', '❤️', '😄'];

/**
 * @typedef {{ reply: (event: ClientEvent) => void, edit: (event: ClientEvent) => void,
 *   redact: (eventId: string) => void, react: (event: ClientEvent, key: string) => void }} MessageActions
 */

/**
 * @param {Room} room
 * @param {ClientEvent} event
 * @param {string} ownId
 * @param {MessageActions} actions
 * @returns {HTMLElement | undefined}
 */
export function messageElement(room, event, ownId, actions) {
  if (event.type === 'm.room.message' || event.type === 'm.room.encrypted')
    return fullMessage(room, event, ownId, actions);
  const notice = noticeOf(room, event);
  return notice === undefined ? undefined : h('li', { class: 'notice' }, notice);
}

/**
 * @param {Room} room
 * @param {ClientEvent} event
 * @param {string} ownId
 * @param {MessageActions} actions
 */
function fullMessage(room, event, ownId, actions) {
  const isRedacted = event.unsigned?.redacted_because !== undefined;
  const content = room.contentOf(event);
  const isOwn = event.sender === ownId;
  return h(
    'li',
    { class: `message${isOwn ? ' own' : ''}`, 'data-event-id': event.event_id },
    h(
      'p',
      { class: 'meta' },
      h('strong', {}, room.nameOf(event.sender)),
      ' ',
      h('time', { datetime: new Date(event.origin_server_ts).toISOString() }, timeOf(event.origin_server_ts)),
      room.edits.has(event.event_id) && !isRedacted ? h('span', {}, ' · edited') : undefined,
    ),
    quoteOf(room, content),
    bodyElement(event, content, isRedacted),
    isRedacted ? undefined : reactionsElement(room, event, ownId, actions),
    isRedacted ? undefined : toolbar(event, isOwn, actions),
    readersElement(room, event),
  );
}

/** @param {Room} room @param {any} content */
function quoteOf(room, content) {
  const id = content['m.relates_to']?.['m.in_reply_to']?.event_id;
  if (typeof id !== 'string') return undefined;
  const event = room.timeline.find((each) => each.event_id === id);
  const text =
    event === undefined ? 'an earlier message' : `${room.nameOf(event.sender)}: ${bodyOf(room.contentOf(event))}`;
  return h('blockquote', {}, text);
}

/**
 * @param {ClientEvent} event
 * @param {any} content
 * @param {boolean} isRedacted
 */
function bodyElement(event, content, isRedacted) {
  if (isRedacted) return h('p', { class: 'body muted' }, 'This message was deleted');
  if (event.type === 'm.room.encrypted') {
    return h('p', { class: 'body muted' }, 'This message is encrypted, which this page cannot read.');
  }
  return h('p', { class: 'body' }, ...linkified(bodyOf(content)));
}

/**
 * @param {Room} room
 * @param {ClientEvent} event
 * @param {string} ownId
 * @param {MessageActions} actions
 */
function reactionsElement(room, event, ownId, actions) {
  const keys = room.reactions.get(event.event_id);
  if (keys === undefined || keys.size === 0) return undefined;
  const buttons = [...keys].map(([key, senders]) => {
    const own = senders.get(ownId);
    const names = [...senders.keys()].map((id) => room.nameOf(id)).join(', ');
    const onclick = () => (own === undefined ? actions.react(event, key) : actions.redact(own));
    const label = `${key}, ${senders.size}: ${names}`;
    return h(
      'button',
      { type: 'button', 'aria-pressed': String(own !== undefined), 'aria-label': label, title: names, onclick },
      `${key} ${senders.size}`,
    );
  });
  return h('div', { class: 'reactions' }, ...buttons);
}

/**
 * @param {ClientEvent} event
 * @param {boolean} isOwn
 * @param {MessageActions} actions
 */
function toolbar(event, isOwn, actions) {
  const button = (/** @type {string} */ text, /** @type {string} */ label, /** @type {() => void} */ onclick) =>
    h('button', { type: 'button', 'aria-label': label, title: label, onclick }, text);
  const react = quickReactions.map((key) => button(key, `React with ${key}`, () => actions.react(event, key)));
  const change = isOwn ? [button('Edit', 'Edit', () => actions.edit(event))] : [];
  const remove = isOwn ? [button('Delete', 'Delete', () => actions.redact(event.event_id))] : [];
  return h(
    'div',
    { class: 'toolbar' },
    ...react,
    button('Reply', 'Reply', () => actions.reply(event)),
    ...change,
    ...remove,
  );
}

/** @param {Room} room @param {ClientEvent} event */
function readersElement(room, event) {
  const readers = [...room.receipts].filter(([id, eventId]) => eventId === event.event_id && id !== event.sender);
  if (readers.length === 0) return undefined;
  return h('p', { class: 'readers' }, `Read by ${readers.map(([id]) => room.nameOf(id)).join(', ')}`);
}
