/** Owns the cases on the list of auth events itself. */
import type {
  AuthEvent,
  AuthEventsTwist,
  EventSketch,
  RejectableEvent,
  Sketch,
} from '#test/vectors/generate/sketch.ts';
import {
  alice,
  all,
  bob,
  join,
  joined,
  joinRule,
  membership,
  message,
  power,
  since,
  stateEvent,
  until,
} from '#test/vectors/generate/sketch.ts';

const state = [
  joined(alice),
  joined(bob),
  power({ users: { [alice]: 50 }, events_default: 0 }),
  joinRule('public'),
  stateEvent('m.room.name', { name: 'Harbour' }),
  { ...stateEvent('m.room.third_party_invite', { display_name: 'c...' }, 'token', alice), id: '$offer-token' },
];

const accepted = (event: AuthEvent): RejectableEvent => ({ ...event, rejected: false });
const asSelected: AuthEventsTwist = ({ selected }) => selected.map(accepted);

const plusState =
  (id: string): AuthEventsTwist =>
  ({ state, selected }) =>
    [...selected, find(state, id)].map(accepted);
const plusChanged =
  (id: string, changes: Partial<AuthEvent>): AuthEventsTwist =>
  ({ state, selected }) =>
    [...selected, { ...find(state, id), ...changes }].map(accepted);
const replaced =
  (id: string, changes: Partial<RejectableEvent>): AuthEventsTwist =>
  ({ selected }) =>
    selected.map((event) => ({ ...accepted(event), ...(event.event_id === id ? changes : {}) }));
const without =
  (id: string): AuthEventsTwist =>
  ({ selected }) =>
    selected.filter((event) => event.event_id !== id).map(accepted);

function find(events: readonly AuthEvent[], id: string): AuthEvent {
  const found = events.find((event) => event.event_id === id);
  if (found === undefined) throw new Error(`There is no state event ${id}.`);
  return found;
}

type Row = readonly [
  name: string,
  rule: string,
  expect: 'allowed' | 'denied',
  versions: readonly string[],
  twist: AuthEventsTwist,
  why: string,
  event?: EventSketch,
];

const leave = membership(bob, bob, 'leave');
const kick = membership(alice, bob, 'leave');
const invite = membership(alice, '@carol:a.test', 'invite');
const authorised = join('@carol:a.test', { join_authorised_via_users_server: alice });
const elsewhere = (version12: boolean): string => (version12 ? '!elsewhere' : '!elsewhere:a.test');

const rows: readonly Row[] = [
  ['exact', 'duplicate', 'allowed', all, asSelected, 'Every entry stands there once.'],
  [
    'member-twice',
    'duplicate',
    'denied',
    all,
    plusChanged('$member-alice', { event_id: '$member-alice-earlier', depth: 2 }),
    'Two entries are the membership of the same user.',
  ],
  [
    'power-twice',
    'duplicate',
    'denied',
    all,
    plusChanged('$power', { event_id: '$power-earlier', depth: 2 }),
    'Two entries are power levels.',
  ],
  ['same-event-twice', 'duplicate', 'denied', all, plusState('$member-alice'), 'The same event stands there twice.'],
  [
    'two-members-of-different-users',
    'duplicate',
    'allowed',
    all,
    asSelected,
    'The memberships of sender and target differ in their state key.',
    kick,
  ],
  ['only-selected', 'unselected', 'allowed', all, asSelected, 'Every entry is one that the selection gives.'],
  ['room-name', 'unselected', 'denied', all, plusState('$name'), 'The name of the room decides nothing.'],
  [
    'member-of-another',
    'unselected',
    'denied',
    all,
    plusState('$member-bob'),
    'The membership of somebody else does not matter for a message.',
  ],
  [
    'join-rules-of-message',
    'unselected',
    'denied',
    all,
    plusState('$join-rules'),
    'The join rule does not matter for a message.',
  ],
  [
    'join-rules-of-leave',
    'unselected',
    'denied',
    all,
    plusState('$join-rules'),
    'The join rule does not matter for leaving.',
    leave,
  ],
  [
    'join-rules-of-invite',
    'unselected',
    'allowed',
    all,
    asSelected,
    'The join rule is selected for an invitation.',
    invite,
  ],
  ['target-of-kick', 'unselected', 'allowed', all, asSelected, 'The membership of the target is selected.', kick],
  [
    'third-party-invite-of-plain-invite',
    'unselected',
    'denied',
    all,
    plusState('$offer-token'),
    'The invitation is not by third-party identifier.',
    invite,
  ],
  [
    'third-party-invite-of-message',
    'unselected',
    'denied',
    all,
    plusState('$offer-token'),
    'A message has nothing to do with an invitation.',
  ],
  [
    'power-with-state-key',
    'unselected',
    'denied',
    all,
    plusChanged('$power', { event_id: '$power-other', state_key: 'other' }),
    'Power levels count with an empty state key only.',
  ],
  [
    'create-in-version-12',
    'unselected',
    'denied',
    ['12'],
    plusState('$create'),
    'The room id stands for the create event, which must not be listed.',
  ],
  [
    'authoriser-of-join',
    'unselected',
    'allowed',
    since(8),
    asSelected,
    'The membership of the authorising user is selected.',
    authorised,
  ],
  [
    'authoriser-of-join-in-older-version',
    'unselected',
    'denied',
    until(7),
    plusState('$member-alice'),
    'Before version 8 nobody authorises a join.',
    authorised,
  ],
  [
    'authoriser-of-leave',
    'unselected',
    'denied',
    since(8),
    plusState('$member-alice'),
    'An authorising user is selected for joins only.',
    membership(bob, bob, 'leave', { join_authorised_via_users_server: alice }),
  ],
  ['all-accepted', 'rejected', 'allowed', all, asSelected, 'Every entry was accepted.'],
  [
    'power-rejected',
    'rejected',
    'denied',
    all,
    replaced('$power', { event_id: '$power-rejected', rejected: true }),
    'The power levels listed were rejected.',
  ],
  [
    'member-rejected',
    'rejected',
    'denied',
    all,
    replaced('$member-alice', { event_id: '$member-rejected', rejected: true }),
    'The membership listed was rejected.',
  ],
  ['with-create', 'no-create', 'allowed', until(11), asSelected, 'The create event is listed.'],
  ['without-create', 'no-create', 'denied', until(11), without('$create'), 'The create event is missing.'],
  ['same-room', 'other-room', 'allowed', all, asSelected, 'Every entry belongs to the room.'],
  [
    'power-of-other-room',
    'other-room',
    'denied',
    until(11),
    replaced('$power', { event_id: '$power-elsewhere', room_id: elsewhere(false) }),
    'The power levels listed belong to another room.',
  ],
  [
    'power-of-other-room-v12',
    'other-room',
    'denied',
    ['12'],
    replaced('$power', { event_id: '$power-elsewhere', room_id: elsewhere(true) }),
    'The power levels listed belong to another room.',
  ],
  [
    'create-of-other-room',
    'other-room',
    'denied',
    until(11),
    replaced('$create', { event_id: '$create-elsewhere', room_id: elsewhere(false) }),
    'The create event listed belongs to another room.',
  ],
];

const incomplete =
  'The rules reject entries that should not be listed, not a list that lacks some, except for the create event.';
const gaps: Sketch[] = (
  [
    ['without-power', without('$power'), 'The list lacks the power levels, which no rule forbids.'],
    [
      'earlier-member',
      replaced('$member-alice', { event_id: '$member-alice-earlier', depth: 2 }),
      'An earlier membership of the sender is listed, which no rule forbids.',
    ],
  ] as const
).map(([name, twist, why]) => ({
  name: `auth-events-${name}`,
  versions: all,
  rule: 'auth-events.unselected',
  expect: 'allowed',
  reading: incomplete,
  state,
  event: message(alice),
  authEvents: twist,
  why,
}));

export const authEvents: Sketch[] = [
  ...rows.map(([name, rule, expect, versions, twist, why, event = message(alice)]): Sketch => ({
    name: `auth-events-${name}`,
    versions,
    rule: `auth-events.${rule}`,
    expect,
    ...(event.content?.['join_authorised_via_users_server'] === undefined ? {} : { verify: 'ok' as const }),
    state,
    event,
    authEvents: twist,
    why,
  })),
  ...gaps,
];
