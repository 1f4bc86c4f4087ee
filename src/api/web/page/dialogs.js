/** Owns the small windows of the chat: making rooms, inviting, naming oneself, and where to go from here. */
import { segment } from './client.js';
import { button, field, form, h } from './dom.js';

/**
 * Shows a dialog; the browser keeps the focus in it and closes it with Escape.
 * @param {string} title
 * @param {(close: () => void) => (Node | undefined)[]} content
 */
export function openDialog(title, content) {
  const dialog = h('dialog', { 'aria-labelledby': 'dialog-title' });
  const close = () => dialog.close();
  const header = h('header', {}, h('h2', { id: 'dialog-title' }, title), button('Close', close));
  dialog.append(header, ...content(close).filter((each) => each !== undefined));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A name typed by hand as a user id: `bob` is somebody of this server. @param {string} name @param {string} serverName */
export function userIdFrom(name, serverName) {
  const trimmed = name.trim();
  if (trimmed.startsWith('@') && trimmed.includes(':')) return trimmed;
  return `@${trimmed.replace(/^@/, '').toLowerCase()}:${serverName}`;
}

/**
 * @param {import('./client.js').Client} client
 * @param {string} serverName
 * @param {(roomId: string) => void} onMade
 */
export function newRoomDialog(client, serverName, onMade) {
  return openDialog('New room', (close) => [
    form(
      {
        submit: 'Make the room',
        onsubmit: async ({ name = '', invite = '' }) => {
          const people = invite.split(/[\s,]+/).filter((each) => each !== '');
          const body = {
            preset: 'private_chat',
            name: name.trim(),
            invite: people.map((each) => userIdFrom(each, serverName)),
          };
          const { room_id: roomId } = await client.ask('POST', '/createRoom', { body });
          close();
          onMade(roomId);
        },
      },
      field('Name of the room', { name: 'name', required: true }),
      field('Invite (names, separated by spaces)', { name: 'invite', autocapitalize: 'none' }),
    ),
  ]);
}

/**
 * @param {import('./client.js').Client} client
 * @param {import('./rooms.js').Rooms} rooms
 * @param {string} serverName
 * @param {(roomId: string) => void} onMade
 */
export function newDirectDialog(client, rooms, serverName, onMade) {
  return openDialog('Write to somebody', (close) => [
    form(
      {
        submit: 'Start the conversation',
        onsubmit: async ({ name = '' }) => {
          const userId = userIdFrom(name, serverName);
          const body = { preset: 'trusted_private_chat', is_direct: true, invite: [userId] };
          const { room_id: roomId } = await client.ask('POST', '/createRoom', { body });
          const direct = rooms.accountData.get('m.direct') ?? {};
          const next = { ...direct, [userId]: [...(direct[userId] ?? []), roomId] };
          await client.insist('PUT', `/user/${segment(client.userId)}/account_data/m.direct`, next);
          close();
          onMade(roomId);
        },
      },
      field('Their name', { name: 'name', required: true, autocapitalize: 'none' }),
    ),
  ]);
}

/**
 * @param {import('./client.js').Client} client
 * @param {string} roomId
 * @param {string} serverName
 */
export function inviteDialog(client, roomId, serverName) {
  return openDialog('Invite to this room', (close) => [
    form(
      {
        submit: 'Invite',
        onsubmit: async ({ name = '' }) => {
          await client.ask('POST', `/rooms/${segment(roomId)}/invite`, {
            body: { user_id: userIdFrom(name, serverName) },
          });
          close();
        },
      },
      field('Their name', { name: 'name', required: true, autocapitalize: 'none' }),
    ),
  ]);
}

/** Where people go from here. @param {string} homeserverUrl */
export function clientsDialog(homeserverUrl) {
  const clients = [
    ['Element', 'https://element.io/download'],
    ['Cinny', 'https://cinny.in'],
    ['FluffyChat', 'https://fluffychat.im'],
  ];
  return openDialog('Other apps', () => [
    h(
      'p',
      {},
      'This page is a beginning. Any Matrix client works with this server and does more: encryption, calls, files, notifications.',
    ),
    h(
      'ul',
      {},
      ...clients.map(([name, url]) => h('li', {}, h('a', { href: url, rel: 'noreferrer', target: '_blank' }, name))),
    ),
    h('p', {}, 'When it asks for a homeserver, paste this: ', h('code', {}, homeserverUrl)),
  ]);
}
