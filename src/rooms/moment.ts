/** Owns the question for an event by its time. */

/** A moment in milliseconds, and the side of it that is asked for: `f` at or after it, `b` at or before it. */
export type Moment = { readonly ts: number; readonly direction: 'b' | 'f' };
