/** Owns the way in which the auth rules look state up. */
import type { AuthEvent } from '#matrix/pdu.ts';

/** Reads one entry of a room state, or of an event's own auth events, by type and state key. */
export type AuthState = (type: string, stateKey: string) => AuthEvent | undefined;
