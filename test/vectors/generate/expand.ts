/** Owns turning a sketch into cases: ids, room ids, the event graph and `auth_events` of each family of versions. */
import { readFileSync } from 'node:fs';
import type {
  AuthEvent,
  Content,
  EventSketch,
  RejectableEvent,
  Sketch,
  StateSketch,
} from '#test/vectors/generate/sketch.ts';
import { creator, joined } from '#test/vectors/generate/sketch.ts';
import { selectAuthEvents } from '#test/vectors/generate/select-auth-events.ts';

export type Case = {
  readonly name: string;
  readonly versions: readonly string[];
  readonly rule: { readonly [version: string]: string };
  readonly expect: 'allowed' | 'denied';
  readonly verify?: 'ok' | 'fail';
  readonly reading?: string;
  readonly createHasRoomId?: boolean;
  readonly namedByRoomId?: RejectableEvent | null;
  readonly authEventsCase?: true;
  readonly authEvents?: readonly RejectableEvent[];
  readonly state: readonly AuthEvent[];
  readonly event: AuthEvent;
  readonly why: string;
};

type Rules = { readonly [version: string]: { readonly [number: string]: { readonly name: string } } };
const rules: Rules = JSON.parse(readFileSync(new URL('../auth-rules/rules.json', import.meta.url), 'utf8'));

/** Versions 1 to 11 name rooms with a domain, version 12 after the create event; a sketch for both becomes two cases. */
export function expandSketch(sketch: Sketch): Case[] {
  const older = sketch.versions.filter((version) => version !== '12');
  const newer = sketch.versions.filter((version) => version === '12');
  const cases: Case[] = [];
  if (older.length > 0) cases.push(expandFor(sketch, older, sketch.name));
  if (newer.length > 0) cases.push(expandFor(sketch, newer, older.length > 0 ? `${sketch.name}-v12` : sketch.name));
  return cases;
}

function expandFor(sketch: Sketch, versions: readonly string[], name: string): Case {
  const hashed = versions.includes('12');
  const state = sketch.noRoom === true ? [] : buildState(sketch, versions);
  const roomId = roomIdOf(sketch, hashed);
  const judged = withoutGraph(sketch.event, roomId, state);
  const selected = selectAuthEvents(judged, state, selectionRules(sketch, versions));
  const twisted = sketch.authEvents?.({ state, selected });
  const event = { ...judged, auth_events: (twisted ?? selected).map((entry) => entry.event_id) };
  return {
    name,
    versions,
    rule: Object.fromEntries(versions.map((version) => [version, ruleNumber(version, sketch.rule)])),
    expect: sketch.expect,
    ...(sketch.verify === undefined ? {} : { verify: sketch.verify }),
    ...(sketch.reading === undefined ? {} : { reading: sketch.reading }),
    ...(sketch.createHasRoomId === undefined ? {} : { createHasRoomId: sketch.createHasRoomId }),
    ...(sketch.namedByRoomId === undefined ? {} : { namedByRoomId: namedEvent(sketch, versions) }),
    ...(twisted === undefined ? {} : { authEventsCase: true, authEvents: twisted }),
    state,
    event,
    why: sketch.why,
  };
}

function ruleNumber(version: string, name: string): string {
  const found = Object.entries(rules[version] ?? {}).find(([, rule]) => rule.name === name);
  if (found === undefined) throw new Error(`Version ${version} has no rule named ${name}.`);
  return found[0];
}

function roomIdOf(sketch: Sketch, hashed: boolean): string {
  if (!hashed) return '!room:a.test';
  if (sketch.namedByRoomId === 'a member event') return '!member-creator';
  return sketch.namedByRoomId === 'nothing' ? '!elsewhere' : '!create';
}

function createEvent(sketch: Sketch, versions: readonly string[], roomId: string): AuthEvent {
  const sender = sketch.createSender ?? creator;
  const defaults: Content = versions.includes('12')
    ? { room_version: '12' }
    : versions.every((version) => version === '11')
      ? {}
      : { creator: sender };
  const content = Object.entries({ ...defaults, ...sketch.create }).filter(([, value]) => value !== null);
  return {
    event_id: '$create',
    type: 'm.room.create',
    sender,
    room_id: roomId,
    state_key: '',
    content: Object.fromEntries(content),
    auth_events: [],
    prev_events: [],
    origin_server_ts: 1000,
    depth: 1,
  };
}

function buildState(sketch: Sketch, versions: readonly string[]): AuthEvent[] {
  const roomId = roomIdOf(sketch, versions.includes('12'));
  const createIsKnown = sketch.namedByRoomId === undefined || sketch.namedByRoomId === 'the create event';
  const state: AuthEvent[] = createIsKnown ? [createEvent(sketch, versions, roomId)] : [];
  const later: StateSketch[] = [...(sketch.alone === true ? [] : [joined(sketch.createSender ?? creator)])];
  later.push(...(sketch.state ?? []));
  for (const entry of later) {
    const event = withoutGraph(entry, roomId, state);
    const selected = selectAuthEvents(event, state, selectionRules(sketch, versions));
    state.push({ ...event, auth_events: selected.map((chosen) => chosen.event_id) });
  }
  return state;
}

function withoutGraph(sketch: EventSketch, roomId: string, before: readonly AuthEvent[]): AuthEvent {
  const last = before.at(-1);
  return {
    event_id: sketch.id ?? (sketch.type === 'm.room.create' ? '$create' : '$event'),
    type: sketch.type,
    sender: sketch.sender,
    room_id: sketch.roomId ?? roomId,
    ...(sketch.stateKey === undefined ? {} : { state_key: sketch.stateKey }),
    content: sketch.content ?? {},
    ...(sketch.redacts === undefined ? {} : { redacts: sketch.redacts }),
    auth_events: [],
    prev_events: sketch.prevEvents ?? (last === undefined ? [] : [last.event_id]),
    origin_server_ts: 1000 * (before.length + 1),
    depth: before.length + 1,
  };
}

function selectionRules(sketch: Sketch, versions: readonly string[]): { create: boolean; restricted: boolean } {
  const restricted = versions.filter((version) => Number(version) >= 8);
  const named = sketch.event.content?.['join_authorised_via_users_server'] !== undefined;
  if (named && restricted.length > 0 && restricted.length < versions.length) {
    throw new Error(`${sketch.name} must be split at version 8, where the selection of auth events changes.`);
  }
  return { create: !versions.includes('12'), restricted: restricted.length === versions.length };
}

function namedEvent(sketch: Sketch, versions: readonly string[]): RejectableEvent | null {
  if (sketch.namedByRoomId === 'nothing') return null;
  const create = createEvent(sketch, versions, '!create');
  if (sketch.namedByRoomId !== 'a member event') {
    return { ...create, rejected: sketch.namedByRoomId === 'a rejected create event' };
  }
  const member = withoutGraph(joined(creator), '!create', [create]);
  return { ...member, rejected: false };
}
