/** Owns the shape of a filter: what a client may upload or give inline. */
import { Type, type Static } from 'typebox';

const strings = Type.Optional(Type.Array(Type.String()));
const userIds = Type.Optional(Type.Array(Type.String({ pattern: '^@' })));
const roomIds = Type.Optional(Type.Array(Type.String({ pattern: '^!' })));
const flag = Type.Optional(Type.Boolean());

const eventFilter = {
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  senders: userIds,
  not_senders: userIds,
  types: strings,
  not_types: strings,
};

const roomEventFilter = Type.Optional(
  Type.Object({
    ...eventFilter,
    rooms: roomIds,
    not_rooms: roomIds,
    contains_url: flag,
    lazy_load_members: flag,
    include_redundant_members: flag,
    unread_thread_notifications: flag,
  }),
);

/** Specification: Client-Server API, "Filtering". Unknown keys are kept. */
export const syncFilterSchema = Type.Object({
  event_fields: strings,
  event_format: Type.Optional(Type.Union([Type.Literal('client'), Type.Literal('federation')])),
  presence: Type.Optional(Type.Object(eventFilter)),
  account_data: Type.Optional(Type.Object(eventFilter)),
  room: Type.Optional(
    Type.Object({
      rooms: roomIds,
      not_rooms: roomIds,
      include_leave: flag,
      ephemeral: roomEventFilter,
      state: roomEventFilter,
      timeline: roomEventFilter,
      account_data: roomEventFilter,
    }),
  ),
});

export type SyncFilter = Static<typeof syncFilterSchema>;
