/** Owns the verdict over a history: what the clients were told, against what the server promises. */
import type { HistoryRecord } from '#test/trials/history.ts';
import { collectChains, judgeChains } from '#test/trials/oracle/chains.ts';
import { collectOperations, judgeAnswers } from '#test/trials/oracle/operations.ts';
import { collectRooms, judgeAgreement, judgeRooms } from '#test/trials/oracle/rooms.ts';
import { judgeToDevice } from '#test/trials/oracle/to-device.ts';
import { judgeTokens } from '#test/trials/oracle/tokens.ts';
import type { Violation } from '#test/trials/oracle/violation.ts';

/**
 * Every violation of: what was acknowledged stays (lost) and happened once (doubled), in its sender's order (reordered);
 * nothing appears that was not sent or was refused (invented); a repeated transaction id has one answer
 * (answered-differently); no token skips an event, whoever wrote it and whoever reads it (skipped), covers what was not
 * sent yet (token-from-the-future) or goes back (token-backwards); what clients put together and what the processes
 * show is the same in the end (divergent). An empty list is the proof that none was found.
 */
export function findViolations(records: readonly HistoryRecord[]): Violation[] {
  const operations = collectOperations(records);
  const rooms = collectRooms(records);
  return [
    ...judgeAnswers(operations),
    ...judgeRooms(rooms, operations),
    ...judgeAgreement(records, rooms),
    ...judgeChains(collectChains(records), rooms),
    ...judgeTokens(records, operations),
    ...judgeToDevice(records, operations),
  ];
}
