/** Owns reading messages to devices, and the devices that they go to. */
import { statement, type ReadTx } from '#storage/database.ts';

export type ToDeviceMessage = {
  readonly pos: number;
  readonly sender: string;
  readonly type: string;
  /** The text of a JSON object. */
  readonly content: string;
};

const selectMessages = statement<ToDeviceMessage>(
  'select_to_device_messages',
  `select pos, sender, type, content from to_device_messages
   where device_nid = $1 and pos > $2 and pos <= $3 order by pos limit $4`,
);

/** The messages to a device within positions (after, upTo], oldest first, as many as `limit`. */
export function findToDeviceMessages(
  db: ReadTx,
  deviceNid: number,
  window: { readonly after: number; readonly upTo: number; readonly limit: number },
): Promise<ToDeviceMessage[]> {
  return db.query(selectMessages, [deviceNid, window.after, window.upTo, window.limit]);
}

export type Recipient = {
  readonly userId: string;
  readonly userNid: number;
  readonly deviceId: string;
  readonly deviceNid: number;
};

const selectDevicesOfUsers = statement<Recipient>(
  'select_devices_of_users',
  `select user_id as "userId", user_nid as "userNid", device_id as "deviceId", device_nid as "deviceNid"
   from users join devices using (user_nid) where user_id = any($1::text[])`,
);

/** All devices of these users that are of this server. */
export function findDevicesOfUsers(db: ReadTx, userIds: readonly string[]): Promise<Recipient[]> {
  return db.query(selectDevicesOfUsers, [userIds]);
}
