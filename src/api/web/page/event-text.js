/** Owns saying in words what an event is about. */
import { h } from './dom.js';

/** @typedef {import('./rooms.js').ClientEvent} ClientEvent */
/** @typedef {import('./rooms.js').Room} Room */

const urlPattern = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/g;

/**
 * What a message shows, as nodes: text with its links, nothing that would be HTML.
 * @param {string} text
 * @returns {(Node | string)[]}
 */
export function linkified(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(urlPattern)) {
    nodes.push(
      text.slice(end, match.index),
      h('a', { href: match[0], rel: 'noreferrer noopener', target: '_blank' }, match[0]),
    );
    end = match.index + match[0].length;
  }
  return [...nodes, text.slice(end)];
}

/**
 * One line for an event that is no message: somebody joined, the name changed.
 * @param {Room} room
 * @param {ClientEvent} event
 * @returns {string | undefined}  undefined for what people need not see
 */
export function noticeOf(room, event) {
  const who = room.nameOf(event.sender);
  const { content } = event;
  switch (event.type) {
    case 'm.room.create':
      return `${who} made this room`;
    case 'm.room.name':
      return `${who} named the room “${content.name ?? ''}”`;
    case 'm.room.topic':
      return `${who} set the topic: ${content.topic ?? ''}`;
    case 'm.room.encryption':
      return `${who} turned on encryption`;
    case 'm.room.tombstone':
      return `${who} closed this room: ${content.body ?? ''}`;
    case 'm.room.member':
      return membershipNotice(room, event, who);
    default:
      return undefined;
  }
}

/**
 * @param {Room} room
 * @param {ClientEvent} event
 * @param {string} who
 */
function membershipNotice(room, { state_key: target = '', content, unsigned, sender }, who) {
  const whom = content.displayname ?? room.nameOf(target);
  const was = unsigned?.prev_content?.membership;
  switch (content.membership) {
    case 'join':
      return was === 'join' ? `${who} changed their profile` : `${whom} joined`;
    case 'invite':
      return `${who} invited ${whom}`;
    case 'leave':
      if (target !== sender) return was === 'ban' ? `${who} unbanned ${whom}` : `${who} removed ${whom}`;
      return was === 'invite' ? `${whom} declined the invitation` : `${whom} left`;
    case 'ban':
      return `${who} banned ${whom}`;
    case 'knock':
      return `${whom} asks to join`;
    default:
      return undefined;
  }
}

/** The text of a message, also of kinds that this page cannot show. @param {any} content */
export function bodyOf(content) {
  const body = typeof content.body === 'string' ? content.body : '';
  return ['m.image', 'm.file', 'm.audio', 'm.video'].includes(content.msgtype)
    ? `File: ${content.filename ?? body}`
    : body;
}
