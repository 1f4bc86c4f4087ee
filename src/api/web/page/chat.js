/** Owns the chat: the list of rooms beside the open one, kept current by the sync loop. */
import { Client, segment } from './client.js';
import { clientsDialog, inviteDialog, newDirectDialog, newRoomDialog } from './dialogs.js';
import { h } from './dom.js';
import { invitationDialog } from './invitation.js';
import { roomListItems } from './room-list.js';
import { createRoomView } from './room-view.js';
import { Rooms } from './rooms.js';
import { searchDialog } from './search.js';
import { runSync } from './sync.js';

/**
 * @param {HTMLElement} app
 * @param {import('./main.js').About} about
 * @param {import('./client.js').Session} session
 * @param {() => void} onLoggedOut
 */
export function startChat(app, about, session, onLoggedOut) {
  const client = new Client(session);
  const rooms = new Rooms(session.userId);
  const ending = new AbortController();
  /** @type {ReturnType<typeof createRoomView> | undefined} */
  let view;
  /** @type {string | undefined} */
  let openId;

  const status = h('p', { class: 'status', role: 'status' }, 'Connecting…');
  const list = h('ul', { class: 'rooms', 'aria-label': 'Rooms' });
  const main = h('main', {});
  const button = (/** @type {string} */ text, /** @type {() => unknown} */ onclick) => h('button', { type: 'button', onclick }, text);
  const onError = (/** @type {unknown} */ error) => {
    status.textContent = error instanceof Error ? error.message : String(error);
  };
  const guard = (/** @type {Promise<unknown>} */ work) => void work.catch(onError);

  const end = () => {
    ending.abort();
    view?.close();
    onLoggedOut();
  };
  const logOut = async () => {
    await client.ask('POST', '/logout').catch(() => undefined);
    end();
  };

  const showList = () => list.replaceChildren(...roomListItems(rooms, openId, open));
  const close = () => {
    view?.close();
    view = undefined;
    openId = undefined;
    app.classList.remove('in-room');
    main.replaceChildren(emptyState());
    showList();
  };
  const emptyState = () =>
    h('section', { class: 'empty' }, h('h2', {}, rooms.byId.size === 0 ? 'No rooms yet' : 'Choose a room'), h('p', {}, 'Make a room, or write to somebody.'));

  /** @param {string} roomId */
  function open(roomId) {
    view?.close();
    const room = rooms.byId.get(roomId);
    openId = roomId;
    app.classList.add('in-room');
    if (room === undefined) {
      // Just made: the next answer of the sync brings it.
      view = undefined;
      main.replaceChildren(h('p', { class: 'empty' }, 'Opening the room…'));
    } else if (room.membership === 'invite') {
      view = undefined;
      main.replaceChildren(invitationView(room));
    } else {
      const actions = [
        button('Invite', () => inviteDialog(client, roomId, about.server_name)),
        button('Leave', () => guard(client.ask('POST', `/rooms/${segment(roomId)}/leave`, { body: {} }).then(close))),
      ];
      view = createRoomView({ client, rooms, room, onError, onBack: close, actions });
      main.replaceChildren(view.element);
      view.update();
      view.focus();
    }
    showList();
  }

  /** @param {import('./rooms.js').Room} room */
  function invitationView(room) {
    const answer = (/** @type {string} */ verb) => client.ask('POST', `/rooms/${segment(room.roomId)}/${verb}`, { body: {} });
    return h(
      'section',
      { class: 'empty' },
      h('h2', {}, room.title(client.userId)),
      h('p', {}, `${room.nameOf(room.inviter)} (${room.inviter}) invites you.`),
      h('button', { type: 'button', class: 'primary', onclick: () => guard(answer('join')) }, 'Join'),
      button('Decline', () => guard(answer('leave').then(close))),
    );
  }

  const nav = h(
    'nav',
    { 'aria-label': 'Rooms and settings' },
    h('header', {}, h('h1', {}, about.server_name), h('p', { class: 'muted' }, session.userId)),
    about.trial ? h('p', { class: 'banner', role: 'note' }, 'Trial server: not connected to others.') : undefined,
    h(
      'div',
      { class: 'actions' },
      button('New room', () => newRoomDialog(client, about.server_name, open)),
      button('Write to…', () => newDirectDialog(client, rooms, about.server_name, open)),
      button('Search', () => searchDialog(client, rooms, open)),
    ),
    list,
    status,
    h(
      'div',
      { class: 'actions' },
      button('Invite to server', () => guard(invitationDialog(client, about.urls))),
      button('Other apps', () => clientsDialog(about.urls[0] ?? location.origin)),
      button('Log out', () => guard(logOut())),
    ),
  );
  app.replaceChildren(nav, main);
  app.classList.add('chat');
  main.replaceChildren(emptyState());

  void runSync(client, {
    signal: ending.signal,
    onLoggedOut: end,
    onConnection: (isConnected) => {
      status.textContent = isConnected ? '' : 'The server does not answer. Trying again…';
    },
    onAnswer: (answer) => {
      const before = openId === undefined ? undefined : rooms.byId.get(openId);
      const changed = rooms.fold(answer);
      showList();
      document.title = titleWith(rooms, about.server_name);
      if (openId === undefined) {
        if (changed.size > 0 && view === undefined) main.replaceChildren(emptyState());
        return;
      }
      const now = rooms.byId.get(openId);
      if (now === undefined && before !== undefined) close();
      else if (now !== before) open(openId);
      else view?.update();
    },
  });
}

/** @param {Rooms} rooms @param {string} name */
function titleWith(rooms, name) {
  const count = [...rooms.byId.values()].reduce((sum, room) => sum + room.unread + (room.membership === 'invite' ? 1 : 0), 0);
  return count === 0 ? name : `(${count}) ${name}`;
}
