/** Owns taking note of rooms, events and users that somebody finds inappropriate. */
import type { Clock } from '#core/clock.ts';
import { MatrixError } from '#matrix/error.ts';
import { requireVisibleEvent } from '#rooms/find-visible-event.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { findLocalUsers } from '#storage/rooms/find-local-users.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';
import { writeReport, type NewReport } from '#storage/rooms/write-report.ts';

/** What is longer is cut off: a report is read by people. */
const REASON_LENGTH_MAX = 5_000;

export type ReportParts = RoomReadParts & { readonly clock: Clock };
type Report<Subject> = { readonly reporter: RoomUser; readonly reason: string } & Subject;

/**
 * Whoever reports need not be in the room, and is not told whether there is such a room.
 * Specification: Client-Server API, "Reporting content".
 */
export async function reportRoom(parts: ReportParts, report: Report<{ readonly roomId: string }>): Promise<void> {
  const room = await findRoom(parts.database, report.roomId);
  if (room !== undefined) await write(parts, report, { roomNid: room.roomNid });
}

/** M_NOT_FOUND unless the user is in the room and may see the event. */
export async function reportEvent(
  parts: ReportParts,
  report: Report<{ readonly roomId: string; readonly eventId: string }>,
): Promise<void> {
  const { reporter, roomId, eventId } = report;
  const { reader, event } = await requireVisibleEvent(parts, reporter, roomId, eventId);
  if (reader.kind !== 'joined') throw new MatrixError('M_NOT_FOUND', 'You are not in the room of this event.');
  await write(parts, report, { roomNid: reader.room.roomNid, eventNid: event.eventNid });
}

/** Whoever reports is not told whether there is such a user. */
export async function reportUser(parts: ReportParts, report: Report<{ readonly userId: string }>): Promise<void> {
  const users = await findLocalUsers(parts.database, [report.userId]);
  const userNid = users.get(report.userId)?.userNid;
  if (userNid !== undefined) await write(parts, report, { userNid });
}

async function write(
  { database, clock }: ReportParts,
  { reporter, reason }: Report<object>,
  subject: Pick<NewReport, 'roomNid' | 'eventNid' | 'userNid'>,
): Promise<void> {
  // A text column holds no U+0000.
  const text = reason.slice(0, REASON_LENGTH_MAX).replaceAll('\0', '\u{FFFD}');
  const report = { ...subject, createdAt: clock.now(), reporterNid: reporter.userNid, reason: text };
  await database.transaction((tx) => writeReport(tx, report));
}
