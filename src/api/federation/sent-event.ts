/** Owns the shape of a request whose body is one event. */
import { Type } from 'typebox';

/** A PDU of whatever room version: the room says which, so that it is read from the body's text and judged there. */
export const sentEvent = Type.Object({});
