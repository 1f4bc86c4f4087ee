/** Owns reading the scenario files into what state resolution is asked with. */
import { readFileSync, readdirSync } from 'node:fs';
import type { JsonObject } from '#matrix/pdu.ts';
import {
  keyOf,
  type Events,
  type ResolvableEvent,
  type StateSet,
} from '#test/vectors/state-resolution/resolvable.ts';

type WrittenEvent = {
  readonly event_id: string;
  readonly type: string;
  readonly sender: string;
  readonly state_key: string;
  readonly content: JsonObject;
  readonly auth_events: readonly string[];
  readonly origin_server_ts: number;
  readonly depth: number;
  readonly rejected?: true;
};
type WrittenCase = {
  readonly name: string;
  readonly versions: readonly string[];
  readonly orError?: true;
  readonly events: readonly WrittenEvent[];
  readonly sets: readonly (readonly string[])[];
  readonly expect: readonly string[] | null;
};

export type ScenarioCase = {
  readonly name: string;
  readonly versions: readonly string[];
  readonly events: Events;
  readonly sets: readonly StateSet[];
  /** Null where any state is as good as an error. */
  readonly expect: StateSet | null;
  readonly mayThrow: boolean;
};

const folder = new URL('scenarios/', import.meta.url);

export const scenarioFiles: readonly string[] = readdirSync(folder).toSorted();

export function readScenarios(): ScenarioCase[] {
  return scenarioFiles.flatMap((name) => {
    const { cases }: { cases: readonly WrittenCase[] } = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
    return cases.map(readCase);
  });
}

function readCase(written: WrittenCase): ScenarioCase {
  const events = readEvents(written.events);
  const toSet = (ids: readonly string[]): StateSet =>
    new Map(
      ids.map((id) => {
        const event = events.get(id);
        if (event === undefined) throw new Error(`${written.name}: the set names ${id}, which is not written down.`);
        return [keyOf(event), id];
      }),
    );
  return {
    name: written.name,
    versions: written.versions,
    events,
    sets: written.sets.map(toSet),
    expect: written.expect === null ? null : toSet(written.expect),
    mayThrow: written.orError === true,
  };
}

function readEvents(written: readonly WrittenEvent[]): Events {
  const events = new Map<string, ResolvableEvent>();
  for (const event of written) {
    // In a graph that goes round in circles no number is right; those that are known so far are counted.
    const behind = event.auth_events.map((id) => events.get(id)?.authGen ?? 0);
    events.set(event.event_id, {
      eventId: event.event_id,
      type: event.type,
      stateKey: event.state_key,
      sender: event.sender,
      originServerTs: event.origin_server_ts,
      depth: event.depth,
      authEventIds: event.auth_events,
      content: event.content,
      rejected: event.rejected === true,
      authGen: 1 + Math.max(0, ...behind),
    });
  }
  return events;
}

/** A state as its differences are shown: one line for each key. */
export const showState = (state: StateSet): string[] => [...state].map(([key, id]) => `${key} = ${id}`).toSorted();
