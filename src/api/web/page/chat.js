/** Owns the chat: the list of rooms beside the open one, kept current by the sync loop. */
import { Client, segment } from './client.js';
import { clientsDialog, inviteDialog, newDirectDialog, newRoomDialog } from './dialogs.js';
import { button, h } from './dom.js';
import { invitationDialog } from './invitation.js';
import { roomListItems } from './room-list.js';
import { invitationView, RoomView } from './room-view.js';
import { Rooms } from './rooms.js';
import { searchDialog } from './search.js';
import { runSync } from './sync.js';

export class Chat {
  #ending = new AbortController();
  /** @type {RoomView | undefined} */
  #view;
  /** @type {string | undefined} */
  #openId;
  #status = h('p', { class: 'status', role: 'status' }, 'Connecting…');
  #list = h('ul', { class: 'rooms', 'aria-label': 'Rooms' });
  #main = h('main');

  /**
   * @param {HTMLElement} app
   * @param {import('./main.js').About} about
   * @param {import('./client.js').Session} session
   * @param {() => void} onLoggedOut
   */
  constructor(app, about, session, onLoggedOut) {
    this.app = app;
    this.about = about;
    this.onLoggedOut = onLoggedOut;
    this.client = new Client(session);
    this.rooms = new Rooms(session.userId);
    app.classList.add('chat');
    app.replaceChildren(this.#navigation(), this.#main);
    this.#close();
    void runSync(this.client, {
      signal: this.#ending.signal,
      onLoggedOut: () => this.#end(),
      onConnection: (isConnected) => {
        this.#status.textContent = isConnected ? '' : 'The server does not answer. Trying again…';
      },
      onAnswer: (answer) => this.#take(answer),
    });
  }

  #navigation() {
    const { client, rooms, about } = this;
    const open = (/** @type {string} */ roomId) => this.#open(roomId);
    const talk = h(
      'div',
      { class: 'actions' },
      button('New room', () => newRoomDialog(client, about.server_name, open)),
      button('Write to…', () => newDirectDialog(client, rooms, about.server_name, open)),
      button('Search', () => searchDialog(client, rooms, open)),
    );
    const others = h(
      'div',
      { class: 'actions' },
      button('Invite to server', () => this.#guard(invitationDialog(client, about.urls))),
      button('Other apps', () => clientsDialog(about.urls[0] ?? location.origin)),
      button('Log out', () => void this.#logOut()),
    );
    const trial = h('p', { class: 'banner', role: 'note' }, 'Trial server: not connected to others.');
    return h(
      'nav',
      { 'aria-label': 'Rooms and settings' },
      h('header', {}, h('h1', {}, about.server_name), h('p', { class: 'muted' }, client.userId)),
      about.trial ? trial : undefined,
      talk,
      this.#list,
      this.#status,
      others,
    );
  }

  /** @param {any} answer  of /sync */
  #take(answer) {
    const before = this.#openId === undefined ? undefined : this.rooms.byId.get(this.#openId);
    const isFirst = this.rooms.byId.size === 0;
    this.rooms.fold(answer);
    document.title = titleWith(this.rooms, this.about.server_name);
    this.#showList();
    if (this.#openId === undefined) {
      if (isFirst && this.rooms.byId.size > 0) this.#close();
      return;
    }
    const now = this.rooms.byId.get(this.#openId);
    if (now === undefined && before !== undefined) this.#close();
    else if (now !== before) this.#open(this.#openId);
    else this.#view?.update();
  }

  #showList() {
    this.#list.replaceChildren(...roomListItems(this.rooms, this.#openId, (roomId) => this.#open(roomId)));
  }

  /** @param {string} roomId */
  #open(roomId) {
    const { client, rooms } = this;
    this.#view?.close();
    this.#view = undefined;
    this.#openId = roomId;
    this.app.classList.add('in-room');
    const room = rooms.byId.get(roomId);
    const onError = (/** @type {unknown} */ error) => this.#tell(error);
    // A room that was just made is not known before the next answer of the sync.
    if (room === undefined) this.#main.replaceChildren(h('p', { class: 'empty' }, 'Opening the room…'));
    else if (room.membership === 'invite') {
      this.#main.replaceChildren(invitationView(client, room, onError));
    } else {
      const actions = [
        button('Invite', () => inviteDialog(client, roomId, this.about.server_name)),
        button('Leave', () => this.#guard(client.ask('POST', `/rooms/${segment(roomId)}/leave`, { body: {} }))),
      ];
      this.#view = new RoomView({ client, rooms, room, onError, onBack: () => this.#close(), actions });
      this.#main.replaceChildren(this.#view.element);
      this.#view.open();
    }
    this.#showList();
  }

  #close() {
    this.#view?.close();
    this.#view = undefined;
    this.#openId = undefined;
    this.app.classList.remove('in-room');
    const heading = this.rooms.byId.size === 0 ? 'No rooms yet' : 'Choose a room';
    const hint = h('p', {}, 'Make a room, or write to somebody.');
    this.#main.replaceChildren(h('section', { class: 'empty' }, h('h2', {}, heading), hint));
    this.#showList();
  }

  async #logOut() {
    await this.client.ask('POST', '/logout').catch(() => undefined);
    this.#end();
  }

  #end() {
    this.#ending.abort();
    this.#view?.close();
    this.app.classList.remove('chat', 'in-room');
    this.onLoggedOut();
  }

  /** @param {Promise<unknown>} work */
  #guard(work) {
    work.catch((error) => this.#tell(error));
  }

  /** @param {unknown} error */
  #tell(error) {
    this.#status.textContent = error instanceof Error ? error.message : String(error);
  }
}

/** @param {Rooms} rooms @param {string} name */
function titleWith(rooms, name) {
  const unread = [...rooms.byId.values()].map((room) => room.unread + (room.membership === 'invite' ? 1 : 0));
  const count = unread.reduce((sum, each) => sum + each, 0);
  return count === 0 ? name : `(${count}) ${name}`;
}
