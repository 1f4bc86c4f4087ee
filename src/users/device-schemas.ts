/** Owns the shapes of what clients say about their devices. */
import { Type } from 'typebox';

/** Opaque to the server: anything that a database column and a path can hold. */
export const deviceIdSchema = Type.String({ minLength: 1, maxLength: 255, pattern: String.raw`^[^\u0000-\u001f]*$` });

export const displayNameSchema = Type.String({ maxLength: 100, pattern: String.raw`^[^\u0000]*$` });
