/** Owns what this process has seen of users and their devices. Another process may have seen more, which the table unites. */
import { BoundedMap } from '#core/bounded-map.ts';
import type { Clock } from '#core/clock.ts';
import type { StoredPresence } from '#storage/streams/find-presence.ts';

export type PresenceState = StoredPresence['presence'];
export type UserDevice = { readonly userNid: number; readonly deviceNid: number };

export type SeenUser = {
  /** By device what it declared, and until when that holds. */
  readonly devices: Map<number, { readonly declared: PresenceState; readonly until: number }>;
  /** What was written last; undefined when it may have been overwritten since. */
  written: PresenceState | undefined;
  connectedUntil: number;
  lastActiveAt: number;
};

const USERS_MAX = 200_000;
const DEVICES_MAX = 20;

export class SeenUsers {
  readonly #clock: Clock;
  readonly #users = new BoundedMap<number, SeenUser>({ sizeMax: USERS_MAX });
  /** Devices that do not want to be seen, and until when that holds. */
  readonly #hidden = new BoundedMap<number, number>({ sizeMax: USERS_MAX });
  #unnoted = new Set<number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The device is there until some time, as what it declares. */
  see({ userNid, deviceNid }: UserDevice, declared: PresenceState, until: number): SeenUser {
    this.#hidden.delete(deviceNid);
    const seen = this.#current(userNid);
    if (seen.devices.size >= DEVICES_MAX && !seen.devices.has(deviceNid)) seen.devices.clear();
    seen.devices.set(deviceNid, { declared, until });
    seen.connectedUntil = Math.max(seen.connectedUntil, until);
    this.#unnoted.add(userNid);
    return seen;
  }

  hide({ deviceNid }: UserDevice, until: number): void {
    this.#hidden.set(deviceNid, until);
  }

  isHidden({ deviceNid }: UserDevice): boolean {
    return (this.#hidden.get(deviceNid) ?? 0) > this.#clock.now();
  }

  /** Those who were seen since this was asked last. */
  takeUnnoted(): readonly (readonly [userNid: number, seen: SeenUser])[] {
    const unnoted = this.#unnoted;
    this.#unnoted = new Set();
    return [...unnoted].flatMap((userNid) => {
      const seen = this.#users.get(userNid);
      return seen === undefined ? [] : [[userNid, seen] as const];
    });
  }

  #current(userNid: number): SeenUser {
    const now = this.#clock.now();
    const known = this.#users.get(userNid);
    if (known !== undefined && known.connectedUntil > now) return known;
    const seen = { devices: new Map(), written: undefined, connectedUntil: 0, lastActiveAt: now };
    this.#users.set(userNid, seen);
    return seen;
  }
}

/** What all devices say together: one that is used is enough. */
export function unitePresence({ devices }: SeenUser, now: number): PresenceState {
  const declared = [...devices.values()].filter(({ until }) => until > now).map((device) => device.declared);
  return declared.includes('online') ? 'online' : declared.includes('unavailable') ? 'unavailable' : 'offline';
}
