/** Owns what this device knows of its rooms: every answer of /sync is folded into it. */

/**
 * @typedef {{ event_id: string, type: string, sender: string, content: any, origin_server_ts: number,
 *   state_key?: string, unsigned?: any, redacts?: string }} ClientEvent
 */

export class Room {
  /** @param {string} roomId */
  constructor(roomId) {
    this.roomId = roomId;
    /** @type {'join' | 'invite'} */
    this.membership = 'join';
    /** @type {ClientEvent[]} Oldest first. */
    this.timeline = [];
    /** @type {Set<string>} */
    this.known = new Set();
    /** @type {Map<string, any>} Content of state by type and state key. */
    this.state = new Map();
    /** @type {Map<string, ClientEvent>} The newest edit by the event that it edits. */
    this.edits = new Map();
    /** @type {Map<string, Map<string, Map<string, string>>>} By event, key and sender: the reaction's id. */
    this.reactions = new Map();
    /** @type {Map<string, string>} By user the event up to which they have read. */
    this.receipts = new Map();
    /** @type {string[]} */
    this.typing = [];
    this.unread = 0;
    this.highlights = 0;
    /** @type {string | undefined} Where older events are. */
    this.backToken = undefined;
    /** @type {any} */
    this.summary = {};
    this.inviter = '';
  }

  /**
   * @param {string} type
   * @param {string} [key]
   */
  stateOf(type, key = '') {
    return this.state.get(`${type}\n${key}`);
  }

  get isEncrypted() {
    return this.stateOf('m.room.encryption') !== undefined;
  }

  /** @returns {string[]} */
  get memberIds() {
    const members = [...this.state].filter(
      ([key, value]) => key.startsWith('m.room.member\n') && value.membership === 'join',
    );
    return members.map(([key]) => key.slice('m.room.member\n'.length));
  }

  /** @param {string} userId @returns {string} */
  nameOf(userId) {
    return this.stateOf('m.room.member', userId)?.displayname ?? userId.slice(1).split(':')[0] ?? userId;
  }

  /** The name to show. @param {string} ownId @returns {string} */
  title(ownId) {
    const given = this.stateOf('m.room.name')?.name || this.stateOf('m.room.canonical_alias')?.alias;
    if (given) return given;
    const heroes = this.summary['m.heroes'] ?? this.memberIds.filter((id) => id !== ownId);
    const names = heroes.slice(0, 3).map((/** @type {string} */ id) => this.nameOf(id));
    if (names.length > 0) return names.join(', ');
    return this.inviter === '' ? 'Empty room' : `Invitation from ${this.nameOf(this.inviter)}`;
  }

  get lastActiveMs() {
    return this.timeline.at(-1)?.origin_server_ts ?? 0;
  }

  /** Events that are shown as messages. */
  get messages() {
    return this.timeline.filter(
      (event) => event.type !== 'm.reaction' && !isEdit(event) && event.type !== 'm.room.redaction',
    );
  }

  /** @param {ClientEvent[]} events */
  addState(events) {
    for (const event of events) this.state.set(`${event.type}\n${event.state_key ?? ''}`, event.content);
  }

  /** @param {ClientEvent[]} events  oldest first, after all that is known. */
  append(events) {
    for (const event of events) {
      if (this.known.has(event.event_id)) continue;
      this.known.add(event.event_id);
      this.timeline.push(event);
      if (event.state_key !== undefined) this.addState([event]);
      this.#relate(event);
    }
  }

  /** @param {ClientEvent[]} events  newest first, before all that is known. */
  prepend(events) {
    const fresh = events.filter((event) => !this.known.has(event.event_id)).toReversed();
    this.timeline.unshift(...fresh);
    for (const event of fresh) {
      this.known.add(event.event_id);
      this.#relate(event);
    }
  }

  /** Forgets the timeline: between it and what comes next something is missing. */
  forgetTimeline() {
    this.timeline = [];
    this.known.clear();
  }

  /** @param {ClientEvent} event */
  #relate(event) {
    if (event.type === 'm.room.redaction') {
      this.#redact(event.content.redacts ?? event.redacts ?? '', event);
      return;
    }
    const bundled = event.unsigned?.['m.relations']?.['m.replace'];
    if (bundled?.content !== undefined && !this.edits.has(event.event_id)) this.edits.set(event.event_id, bundled);
    const relation = event.content['m.relates_to'];
    if (isEdit(event)) {
      const before = this.edits.get(relation.event_id);
      if (before === undefined || before.origin_server_ts <= event.origin_server_ts) {
        this.edits.set(relation.event_id, event);
      }
    } else if (event.type === 'm.reaction' && typeof relation?.key === 'string') {
      const keys = this.reactions.get(relation.event_id) ?? new Map();
      const senders = keys.get(relation.key) ?? new Map();
      this.reactions.set(relation.event_id, keys.set(relation.key, senders.set(event.sender, event.event_id)));
    }
  }

  /**
   * @param {string} eventId
   * @param {ClientEvent} because
   */
  #redact(eventId, because) {
    const target = this.timeline.find((event) => event.event_id === eventId);
    if (target !== undefined) Object.assign(target, { content: {}, unsigned: { redacted_because: because } });
    this.edits.delete(eventId);
    for (const [edited, edit] of this.edits) if (edit.event_id === eventId) this.edits.delete(edited);
    for (const keys of this.reactions.values()) {
      for (const [key, senders] of keys) {
        for (const [sender, reactionId] of senders) if (reactionId === eventId) senders.delete(sender);
        if (senders.size === 0) keys.delete(key);
      }
    }
  }

  /** The content as it is shown: that of the newest edit by the same sender. @param {ClientEvent} event */
  contentOf(event) {
    const edit = this.edits.get(event.event_id);
    return edit !== undefined && edit.sender === event.sender
      ? (edit.content['m.new_content'] ?? event.content)
      : event.content;
  }
}

/** @param {ClientEvent} event */
export function isEdit(event) {
  return event.content['m.relates_to']?.rel_type === 'm.replace';
}

/** All rooms of a session, and who is direct, ignored or present. */
export class Rooms {
  /** @param {string} ownId */
  constructor(ownId) {
    this.ownId = ownId;
    /** @type {Map<string, Room>} */
    this.byId = new Map();
    /** @type {Map<string, any>} Content of account data by type. */
    this.accountData = new Map();
    /** @type {Map<string, string>} `online`, `unavailable` or `offline` by user. */
    this.presence = new Map();
  }

  /** Rooms to show: invitations first, then the ones where something was said last. */
  get sorted() {
    const rank = (/** @type {Room} */ room) => (room.membership === 'invite' ? Infinity : room.lastActiveMs);
    return [...this.byId.values()].toSorted((a, b) => rank(b) - rank(a));
  }

  get directRoomIds() {
    return new Set(Object.values(this.accountData.get('m.direct') ?? {}).flat());
  }

  /** @param {any} answer  of /sync. @returns {Set<string>} the rooms that changed. */
  fold(answer) {
    for (const { type, content } of answer.account_data?.events ?? []) this.accountData.set(type, content);
    for (const { sender, content } of answer.presence?.events ?? []) this.presence.set(sender, content.presence);
    const changed = new Set();
    const { join = {}, invite = {}, leave = {} } = answer.rooms ?? {};
    for (const roomId of Object.keys(leave)) {
      this.byId.delete(roomId);
      changed.add(roomId);
    }
    for (const [roomId, section] of Object.entries(invite)) {
      const room = new Room(roomId);
      room.membership = 'invite';
      room.addState(section.invite_state.events);
      const own = section.invite_state.events.find(
        (/** @type {ClientEvent} */ event) => event.type === 'm.room.member' && event.state_key === this.ownId,
      );
      room.inviter = own?.sender ?? '';
      this.byId.set(roomId, room);
      changed.add(roomId);
    }
    for (const [roomId, section] of Object.entries(join)) {
      this.#foldJoined(roomId, section);
      changed.add(roomId);
    }
    return changed;
  }

  /**
   * @param {string} roomId
   * @param {any} section
   */
  #foldJoined(roomId, section) {
    let room = this.byId.get(roomId);
    if (room === undefined || room.membership === 'invite') this.byId.set(roomId, (room = new Room(roomId)));
    Object.assign(room.summary, section.summary);
    room.addState(section.state?.events ?? []);
    const { timeline } = section;
    if (timeline !== undefined) {
      if (timeline.limited === true) room.forgetTimeline();
      if (timeline.limited === true || room.backToken === undefined) room.backToken = timeline.prev_batch;
      room.append(timeline.events);
    }
    for (const { type, content } of section.ephemeral?.events ?? []) {
      if (type === 'm.typing') room.typing = content.user_ids.filter((/** @type {string} */ id) => id !== this.ownId);
      if (type === 'm.receipt') this.#foldReceipts(room, content);
    }
    if (section.unread_notifications !== undefined) {
      room.unread = section.unread_notifications.notification_count ?? room.unread;
      room.highlights = section.unread_notifications.highlight_count ?? room.highlights;
    }
  }

  /**
   * @param {Room} room
   * @param {any} content
   */
  #foldReceipts(room, content) {
    for (const [eventId, types] of Object.entries(content)) {
      for (const userId of Object.keys(types['m.read'] ?? {})) room.receipts.set(userId, eventId);
    }
  }
}
