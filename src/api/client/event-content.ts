/** Owns the schemas that the endpoints of rooms share. */
import { Type } from 'typebox';
import type { JsonObject } from '#matrix/pdu.ts';

/** Content of an event: any JSON object. Endpoints that take it refuse numbers that canonical JSON lacks. */
export const eventContent = Type.Unsafe<JsonObject>(Type.Object({}));

/** Why a membership changes, for all to read. */
export const reason = Type.Optional(Type.String());
