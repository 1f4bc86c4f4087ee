/** Owns the flat view of the table: every key with its path and its variable's name. */
import type { Group, Key } from '#config/key.ts';
import { configSchema } from '#config/schema.ts';

/** A key without the type of its value, which only the table knows. */
export type AnyKey = Key<unknown>;

export type FlatKey = {
  /** As the documents name it: `rate_limits.classes.send.burst`. */
  readonly path: string;
  readonly segments: readonly string[];
  /** `CAUSEWAY_RATE_LIMITS_CLASSES_SEND_BURST`. */
  readonly variable: string;
  readonly key: AnyKey;
};

export type Members = { readonly [name: string]: AnyKey | Group<Members> };

/** The table without its types, for walking. */
export const schemaMembers: Members = configSchema;

export const flatKeys: readonly FlatKey[] = flatten(schemaMembers, []);

function flatten(members: Members, above: readonly string[]): FlatKey[] {
  return Object.entries(members).flatMap(([name, member]) => {
    const segments = [...above, name];
    if (member.kind === 'group') return flatten(member.members, segments);
    const variable = `CAUSEWAY_${segments.join('_').toUpperCase()}`;
    return [{ path: segments.join('.'), segments, variable, key: member }];
  });
}
