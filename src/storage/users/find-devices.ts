/** Owns reading the devices of local users. */
import { statement, type ReadTx } from '#storage/database.ts';

/** A device as its user sees it. Times are milliseconds since the Unix epoch. */
export type StoredDevice = {
  readonly deviceNid: number;
  readonly deviceId: string;
  readonly displayName: string | null;
  readonly lastSeenAt: number | null;
  readonly lastSeenIp: string | null;
  readonly lastSeenUserAgent: string | null;
};

const columns = `device_nid as "deviceNid", device_id as "deviceId", display_name as "displayName",
      last_seen_at as "lastSeenAt", last_seen_ip as "lastSeenIp", last_seen_user_agent as "lastSeenUserAgent"`;

const selectDevices = statement<StoredDevice>(
  'select_devices',
  `select ${columns} from devices where user_nid = $1 order by device_nid`,
);

/** All devices of a user, in the order of their first login. */
export function findDevices(db: ReadTx, userNid: number): Promise<StoredDevice[]> {
  return db.query(selectDevices, [userNid]);
}

const selectDevice = statement<StoredDevice>(
  'select_device',
  `select ${columns} from devices where user_nid = $1 and device_id = $2`,
);

/** The id must hold no NUL. */
export async function findDevice(db: ReadTx, userNid: number, deviceId: string): Promise<StoredDevice | undefined> {
  const [device] = await db.query(selectDevice, [userNid, deviceId]);
  return device;
}
