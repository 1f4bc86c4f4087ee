/** Owns how a connection to the database is made and how its values are read. */
import { TypeOverrides, type ClientConfig } from 'pg';
import type { DatabaseAddress } from '#storage/embedded/connection.ts';

/** The object identifiers of `bigint` and `bigint[]` in the catalogue of every PostgreSQL. */
const INT8 = 20;
const INT8_ARRAY = 1016;

/**
 * The number that a `bigint` is. Throws beyond 2^53, where a number would silently be another one. PostgreSQL's driver hands
 * the error to the query.
 */
export function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`The bigint ${text} does not fit into a number.`);
  return value;
}

function int8Types(): TypeOverrides {
  const types = new TypeOverrides();
  types.setTypeParser(INT8, parseInt8);
  types.setTypeParser(INT8_ARRAY, (text) => parseInt8Array(text));
  return types;
}

/** Arrays of `bigint` are flat and never hold null in this schema. */
function parseInt8Array(text: string): number[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',').map(parseInt8);
}

/**
 * What `pg` needs for a connection that reads values as this program does: for the pool, and for clients of their own such
 * as the writer's. No connection may sit in a transaction, or wait for a lock, for longer than it may hold up the others.
 */
export function clientConfigOf(address: DatabaseAddress): ClientConfig {
  return {
    ...address,
    application_name: 'causeway',
    types: int8Types(),
    // A connection that the network has forgotten is noticed, also where nothing is sent for hours.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    lock_timeout: 2_000,
    idle_in_transaction_session_timeout: 5_000,
  };
}
