/** Owns the rows that bear positions of the four streams beside events, and the statements that write them. */
import { statement, type Tx } from '#storage/database.ts';
import type { StoredPresence } from '#storage/streams/find-presence.ts';
import type { ChangeRow } from '#storage/streams/find-changes.ts';

/** `roomNid` is 0 for what belongs to no room; `content` is the text of a JSON object. */
export type AccountDataRow = {
  readonly userNid: number;
  readonly roomNid: number;
  readonly type: string;
  readonly content: string;
};

/** `threadId` is empty for a receipt without a thread; `roomOrder` is null while the event is not known. */
export type ReceiptRow = {
  readonly roomNid: number;
  readonly userNid: number;
  readonly receiptType: string;
  readonly threadId: string;
  readonly eventId: string;
  readonly roomOrder: number | null;
  readonly ts: number;
};

/** `userNid` is whose device it is; `messageId` is that of a message from another server. */
export type ToDeviceRow = {
  readonly deviceNid: number;
  readonly userNid: number;
  readonly sender: string;
  readonly type: string;
  readonly content: string;
  readonly messageId: string | null;
};

/** A message to devices of another server, as the content of the EDU that it will be: JSON text. */
export type OutboxRow = { readonly serverName: string; readonly edu: string };

/** A device that other servers are to hear of; the empty id stands for the user's signing keys. */
export type DeviceUpdateRow = {
  readonly userNid: number;
  readonly deviceId: string;
  readonly isDeleted: boolean;
};

/** Typing ends at `expiresAt`, or has ended then. */
export type TypingRow = {
  readonly roomNid: number;
  readonly userNid: number;
  readonly expiresAt: number;
  readonly isTyping: boolean;
};

/** What a transaction adds to the streams. Of two rows with the same key the last one counts. */
export type CompletedRoomRow = {
  readonly userNid: number;
  readonly roomNid: number;
  /** Entries (`state_keys.key_nid`) of which clients may have been told otherwise than they are; never a member who was missing. */
  readonly changedKeys?: readonly number[];
};

export type StreamRows = {
  readonly accountData?: readonly AccountDataRow[];
  readonly receipts?: readonly ReceiptRow[];
  /** Users in a room whose full state has come. */
  readonly completedRooms?: readonly CompletedRoomRow[];
  readonly toDevice?: readonly ToDeviceRow[];
  readonly outbox?: readonly OutboxRow[];
  /** Users whose devices or keys changed. */
  readonly deviceLists?: readonly { readonly userNid: number }[];
  /** What changed of them, for other servers. */
  readonly deviceUpdates?: readonly DeviceUpdateRow[];
  /** Devices whose stock of one-time keys or of unused fallback keys changed. */
  readonly deviceKeys?: readonly { readonly deviceNid: number; readonly userNid: number }[];
  /** Users whose keys somebody has signed, which is told to the signer alone. */
  readonly trust?: readonly { readonly userNid: number; readonly targetNid: number }[];
  readonly typing?: readonly TypingRow[];
  readonly presence?: readonly StoredPresence[];
};

export type RowKind = keyof StreamRows;
export type RowOf<Kind extends RowKind> = NonNullable<StreamRows[Kind]>[number];

/** A row as it was written, in the form of what the stream tells of it. One that changed nothing is not among them. */
export type WrittenRow = ChangeRow;

// Each statement takes its positions itself, one for each row given, in their order; it runs under the stream's lock.
const insertAccountData = statement<WrittenRow>(
  'insert_account_data',
  `insert into account_data (user_nid, room_nid, type, content, pos)
   select user_nid, room_nid, type, content, nextval('user_data_pos')
   from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) as r(user_nid, room_nid, type, content)
   on conflict (user_nid, room_nid, type) do update set content = excluded.content, pos = excluded.pos
   returning pos, 'accountData' as kind, user_nid, room_nid, 0::bigint as device_nid, '{}'::bigint[] as audience`,
);
// A receipt moves only forwards in the room's order; one for an event that is not known yet gives way to any other. One of a
// thread says nothing where the user has one without a thread on the same event, and would hide it from clients that take
// the last one told for the one that counts. Every row takes its position all the same.
const insertReceipts = statement<WrittenRow>(
  'insert_receipts',
  `insert into receipts as old (room_nid, user_nid, receipt_type, thread_id, event_id, room_order, ts, pos)
   select r.* from (
     select *, nextval('user_data_pos')
     from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
       as given(room_nid, user_nid, receipt_type, thread_id, event_id, room_order, ts)
   ) r
   left join receipts wide on r.thread_id <> '' and wide.thread_id = '' and wide.room_nid = r.room_nid
     and wide.user_nid = r.user_nid and wide.receipt_type = r.receipt_type and wide.event_id = r.event_id
   where wide.event_id is null
   on conflict (room_nid, user_nid, receipt_type, thread_id) do update set event_id = excluded.event_id,
     room_order = excluded.room_order, ts = excluded.ts, pos = excluded.pos
     where old.event_id <> excluded.event_id
       and (old.room_order is null or excluded.room_order is null or excluded.room_order > old.room_order)
   returning pos, case receipt_type when 'm.read.private' then 'privateReceipts' else 'receipts' end as kind, user_nid,
     room_nid, 0::bigint as device_nid, '{}'::bigint[] as audience`,
);
const insertCompletedRooms = statement<WrittenRow>(
  'insert_completed_rooms',
  `insert into completed_rooms (user_nid, room_nid, changed_keys, pos)
   select user_nid, room_nid, keys::bigint[], nextval('user_data_pos')
   from unnest($1::bigint[], $2::bigint[], $3::text[]) as r(user_nid, room_nid, keys)
   on conflict (user_nid, room_nid) do update set pos = excluded.pos, changed_keys = excluded.changed_keys
   returning pos, 'completedRooms' as kind, user_nid, room_nid, 0::bigint as device_nid, '{}'::bigint[] as audience`,
);
const insertToDevice = statement<WrittenRow>(
  'insert_to_device_messages',
  `insert into to_device_messages (device_nid, pos, user_nid, sender, type, content, message_id)
   select device_nid, nextval('to_device_pos'), user_nid, sender, type, content, message_id
   from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[])
     as r(device_nid, user_nid, sender, type, content, message_id)
   returning pos, 'toDevice' as kind, user_nid, 0::bigint as room_nid, device_nid, '{}'::bigint[] as audience`,
);
const nowMs = '(extract(epoch from clock_timestamp()) * 1000)::bigint';
// Nobody here hears of it: it is the sender that looks for more.
const insertOutbox = statement<WrittenRow>(
  'insert_to_device_outbox',
  `insert into to_device_outbox (server_name, pos, edu, created_at)
   select server_name, nextval('to_device_pos'), edu, ${nowMs} from unnest($1::text[], $2::text[]) as r(server_name, edu)`,
);
// Only a user's last change says anything.
const insertDeviceLists = statement<WrittenRow>(
  'insert_device_list_changes',
  `with older as (delete from device_list_changes where user_nid = any($1::bigint[]))
   insert into device_list_changes (pos, user_nid)
   select nextval('device_lists_pos'), user_nid from unnest($1::bigint[]) as r(user_nid)
   returning pos, 'deviceLists' as kind, user_nid, 0::bigint as room_nid, 0::bigint as device_nid, '{}'::bigint[] as audience`,
);
// Each change of a device names the user's change before it, whatever device that was of; signing keys stand outside of
// this chain. Nobody here hears of it: the row of the user beside it is what users of this server are told.
const insertDeviceUpdates = statement<WrittenRow>(
  'insert_device_list_updates',
  `with given as materialized (
     select r.*, nextval('device_lists_pos') as pos
     from unnest($1::bigint[], $2::text[], $3::boolean[]) as r(user_nid, device_id, is_deleted)),
   chained as (
     select g.user_nid, g.device_id, g.pos, g.is_deleted, case when g.device_id <> '' then coalesce(
       lag(g.pos) over (partition by g.user_nid, g.device_id = '' order by g.pos),
       (select max(o.pos) from device_list_updates o where o.user_nid = g.user_nid and o.device_id <> '')) end as prev_pos
     from given g)
   insert into device_list_updates (user_nid, device_id, pos, prev_pos, is_deleted, changed_at)
   select user_nid, device_id, pos, prev_pos, is_deleted, ${nowMs} from chained
   on conflict (user_nid, device_id) do update set pos = excluded.pos, prev_pos = excluded.prev_pos,
     is_deleted = excluded.is_deleted, changed_at = excluded.changed_at`,
);
const insertDeviceKeys = statement<WrittenRow>(
  'insert_device_key_changes',
  `insert into device_key_changes (device_nid, user_nid, pos)
   select device_nid, user_nid, nextval('device_lists_pos') from unnest($1::bigint[], $2::bigint[]) as r(device_nid, user_nid)
   on conflict (device_nid) do update set pos = excluded.pos
   returning pos, 'deviceKeys' as kind, user_nid, 0::bigint as room_nid, device_nid, '{}'::bigint[] as audience`,
);
const insertTrust = statement<WrittenRow>(
  'insert_trust_changes',
  `insert into trust_changes (user_nid, target_nid, pos)
   select user_nid, target_nid, nextval('device_lists_pos') from unnest($1::bigint[], $2::bigint[]) as r(user_nid, target_nid)
   on conflict (user_nid, target_nid) do update set pos = excluded.pos
   returning pos, 'trust' as kind, user_nid, 0::bigint as room_nid, 0::bigint as device_nid, '{}'::bigint[] as audience`,
);
const insertTyping = statement<WrittenRow>(
  'insert_typing',
  `insert into typing (room_nid, user_nid, expires_at, is_typing, pos)
   select room_nid, user_nid, expires_at, is_typing, nextval('ephemeral_pos')
   from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::boolean[]) as r(room_nid, user_nid, expires_at, is_typing)
   on conflict (room_nid, user_nid) do update set expires_at = excluded.expires_at, is_typing = excluded.is_typing,
     pos = excluded.pos
   returning pos, 'typing' as kind, user_nid, room_nid, 0::bigint as device_nid, '{}'::bigint[] as audience`,
);
const insertPresence = statement<WrittenRow>(
  'insert_presence',
  `insert into presence (user_nid, presence, status_msg, last_active_at, connected_until, pos)
   select user_nid, presence, status_msg, last_active_at, connected_until, nextval('ephemeral_pos')
   from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
     as r(user_nid, presence, status_msg, last_active_at, connected_until)
   on conflict (user_nid) do update set presence = excluded.presence, status_msg = excluded.status_msg,
     last_active_at = excluded.last_active_at, connected_until = excluded.connected_until, pos = excluded.pos
   returning pos, 'presence' as kind, user_nid, 0::bigint as room_nid, 0::bigint as device_nid, '{}'::bigint[] as audience`,
);

export type RowWriter<Row> = {
  /** Number of the stream, which is also the second key of its lock. */
  readonly stream: number;
  /** Of rows with the same key only the last one is written; without it all are. */
  readonly keyOf?: (row: Row) => string;
  /** Whether an earlier row of the same key stays although there is a later one. */
  readonly staysOver?: (earlier: Row, later: Row) => boolean;
  readonly write: (tx: Tx, rows: readonly Row[]) => Promise<WrittenRow[]>;
};

/** How each kind of row is written. */
export const rowWriters: { readonly [Kind in RowKind]: RowWriter<RowOf<Kind>> } = {
  accountData: {
    stream: 2,
    keyOf: (row) => `${row.userNid} ${row.roomNid} ${row.type}`,
    write: (tx, rows) =>
      tx.query(insertAccountData, [
        rows.map((row) => row.userNid),
        rows.map((row) => row.roomNid),
        rows.map((row) => row.type),
        rows.map((row) => row.content),
      ]),
  },
  receipts: {
    stream: 2,
    keyOf: (row) => `${row.roomNid} ${row.userNid} ${row.receiptType} ${row.threadId}`,
    staysOver: (earlier, later) => (earlier.roomOrder ?? -Infinity) > (later.roomOrder ?? Infinity),
    write: (tx, rows) =>
      tx.query(insertReceipts, [
        rows.map((row) => row.roomNid),
        rows.map((row) => row.userNid),
        rows.map((row) => row.receiptType),
        rows.map((row) => row.threadId),
        rows.map((row) => row.eventId),
        rows.map((row) => row.roomOrder),
        rows.map((row) => row.ts),
      ]),
  },
  completedRooms: {
    stream: 2,
    keyOf: (row) => `${row.userNid} ${row.roomNid}`,
    write: (tx, rows) =>
      tx.query(insertCompletedRooms, [
        rows.map((row) => row.userNid),
        rows.map((row) => row.roomNid),
        rows.map((row) => `{${(row.changedKeys ?? []).join(',')}}`),
      ]),
  },
  toDevice: {
    stream: 3,
    write: (tx, rows) =>
      tx.query(insertToDevice, [
        rows.map((row) => row.deviceNid),
        rows.map((row) => row.userNid),
        rows.map((row) => row.sender),
        rows.map((row) => row.type),
        rows.map((row) => row.content),
        rows.map((row) => row.messageId),
      ]),
  },
  outbox: {
    stream: 3,
    write: (tx, rows) => tx.query(insertOutbox, [rows.map((row) => row.serverName), rows.map((row) => row.edu)]),
  },
  deviceLists: {
    stream: 4,
    keyOf: (row) => String(row.userNid),
    write: (tx, rows) => tx.query(insertDeviceLists, [rows.map((row) => row.userNid)]),
  },
  deviceUpdates: {
    stream: 4,
    keyOf: (row) => `${row.userNid} ${row.deviceId}`,
    write: (tx, rows) =>
      tx.query(insertDeviceUpdates, [
        rows.map((row) => row.userNid),
        rows.map((row) => row.deviceId),
        rows.map((row) => row.isDeleted),
      ]),
  },
  deviceKeys: {
    stream: 4,
    keyOf: (row) => String(row.deviceNid),
    write: (tx, rows) => tx.query(insertDeviceKeys, [rows.map((row) => row.deviceNid), rows.map((row) => row.userNid)]),
  },
  trust: {
    stream: 4,
    keyOf: (row) => `${row.userNid} ${row.targetNid}`,
    write: (tx, rows) => tx.query(insertTrust, [rows.map((row) => row.userNid), rows.map((row) => row.targetNid)]),
  },
  typing: {
    stream: 5,
    keyOf: (row) => `${row.roomNid} ${row.userNid}`,
    write: (tx, rows) =>
      tx.query(insertTyping, [
        rows.map((row) => row.roomNid),
        rows.map((row) => row.userNid),
        rows.map((row) => row.expiresAt),
        rows.map((row) => row.isTyping),
      ]),
  },
  presence: {
    stream: 5,
    keyOf: (row) => String(row.userNid),
    write: (tx, rows) =>
      tx.query(insertPresence, [
        rows.map((row) => row.userNid),
        rows.map((row) => row.presence),
        rows.map((row) => row.statusMsg),
        rows.map((row) => row.lastActiveAt),
        rows.map((row) => row.connectedUntil),
      ]),
  },
};
