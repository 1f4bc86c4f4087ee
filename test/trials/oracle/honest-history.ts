/** Owns a history in which every promise is kept, for the tests of the oracle to break one at a time. */
import type { HistoryRecord, OperationKind, RoomView, SyncAnswered } from '#test/trials/history.ts';

const room = '!room';
const alice = '@alice:x';
const device = '@bob:x|BOB';

type Told = Partial<Pick<SyncAnswered, 'receipts' | 'toDevice' | 'server' | 'chain' | 'since'>>;

/**
 * Alice sends m0, m1, m2 and state s0 to one room, reads, and sends d0 and d1 to Bob's device. Bob follows on two servers:
 * first anew, then from a backup of two answers. Event `$x` is the operation `x`; the room begins with `$create`.
 */
export function honestHistory(): HistoryRecord[] {
  return [
    { t: 'chain', client: 'bob', chain: 0 },
    answered('v1.1.1', ['$create'], 0, { since: null }),
    ...operation('m0', 'message', 10),
    ...operation('d0', 'toDevice', 20),
    answered('v1.1.2.0.1', ['$m0'], 30, { toDevice: ['d0'], since: 'v1.1.1' }),
    ...operation('s0', 'state', 40),
    ...operation('m1', 'message', 50),
    ...operation('r0', 'receipt', 60, '$m1'),
    answered('v1.1.4.1.1', ['$s0', '$m1'], 70, { since: 'v1.1.2.0.1', receipts: [[room, alice, '$m1']], server: 1 }),
    { t: 'chain', client: 'bob', chain: 1, basis: { chain: 0, answers: 2 } },
    ...operation('m2', 'message', 80),
    ...operation('d1', 'toDevice', 90),
    ...operation('r1', 'receipt', 100, '$m2'),
    answered('v1.1.5.2.2', ['$s0', '$m1', '$m2'], 110, {
      since: 'v1.1.2.0.1',
      toDevice: ['d1'],
      receipts: [[room, alice, '$m2']],
      chain: 1,
    }),
    { t: 'end', client: 'bob', chain: 1, device, rooms: [room] },
    view(0),
    view(1),
    { t: 'joined', server: 0, userId: alice, rooms: [room] },
    { t: 'joined', server: 1, userId: alice, rooms: [room] },
    {
      t: 'positions',
      events: ['create', 'm0', 's0', 'm1', 'm2'].map((name, index) => [`$${name}`, index + 1] as const),
    },
  ];
}

/** An operation that was acknowledged at the first attempt. */
export function operation(key: string, kind: OperationKind, at: number, eventId?: string): HistoryRecord[] {
  const isSeen = kind === 'message' || kind === 'state';
  return [
    {
      t: 'invoke',
      key,
      kind,
      lane: 'alice',
      sender: alice,
      at,
      ...(kind === 'toDevice' ? { target: device } : { roomId: room }),
      ...(eventId === undefined ? {} : { eventId }),
    },
    attempt(key, 'acknowledged', at + 1, isSeen ? `$${key}` : undefined),
  ];
}

export function attempt(
  key: string,
  outcome: 'acknowledged' | 'refused' | 'unknown',
  began: number,
  eventId?: string,
): HistoryRecord {
  const status = { acknowledged: 200, refused: 403, unknown: 0 }[outcome];
  const answer = eventId === undefined ? {} : { eventId };
  return { t: 'attempt', key, server: 0, began, ended: began + 1, outcome, status, ...answer };
}

function answered(next: string, events: readonly string[], ended: number, told: Told): HistoryRecord {
  const state = events.filter((eventId) => eventId === '$s0').map((eventId) => ['test|s', eventId] as const);
  const rooms = { [room]: { events, state } };
  const nothing = { since: null, receipts: [], toDevice: [], server: 0, chain: 0 };
  return { t: 'sync', client: 'bob', ended, next, rooms, ...nothing, ...told };
}

function view(server: number): RoomView {
  return {
    t: 'view',
    server,
    roomId: room,
    events: [
      ['$create', alice, null],
      ['$m0', alice, 'm0'],
      ['$s0', alice, 's0'],
      ['$m1', alice, 'm1'],
      ['$m2', alice, 'm2'],
    ],
    state: [['test|s', '$s0']],
    joined: [alice],
    receipts: [[alice, '$m2']],
  };
}
