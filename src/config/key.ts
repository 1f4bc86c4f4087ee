/** Owns the shape of the table of keys: keys, groups of keys, and the type of the values that they stand for. */
import type { ValueType } from '#config/value-types.ts';

/** One key. Its path in the file and its variable's name come from where it stands in the table. */
export type Key<T> = {
  readonly kind: 'key';
  readonly type: ValueType<T>;
  /** As an operator would write it; undefined for a key that may be absent. */
  readonly default: string | undefined;
  /** What the example file shows where there is no default to show. */
  readonly example: string;
  readonly prose: string;
  /** Never printed, and may be given by a file (`…_file`). */
  readonly secret: boolean;
};

export type Group<Members, KeepsNames extends boolean = boolean> = {
  readonly kind: 'group';
  readonly prose: string;
  readonly members: Members;
  /** The members are things with names of their own, such as rate-limit classes, and are looked up by them. */
  readonly keepsNames: KeepsNames;
};

type KeyWords = { readonly prose: string; readonly secret?: boolean };

/** A key that always has a value. */
export function key<T>(type: ValueType<T>, words: KeyWords & { readonly default: string }): Key<T> {
  return { kind: 'key', secret: false, example: words.default, ...words, type };
}

/** A key that may be absent. */
export function optionalKey<T>(type: ValueType<T>, words: KeyWords & { readonly example: string }): Key<T | undefined> {
  return { kind: 'key', secret: false, default: undefined, ...words, type };
}

/** Keys that belong together, one level down in the file. */
export function group<Members>(prose: string, members: Members): Group<Members, false> {
  return { kind: 'group', prose, members, keepsNames: false };
}

/** A group whose members keep their names in the program. */
export function names<Members>(prose: string, members: Members): Group<Members, true> {
  return { kind: 'group', prose, members, keepsNames: true };
}

/** `body_bytes_max` as `bodyBytesMax`. */
type CamelCase<Name> = Name extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}` : Name;

/** The values of a table of keys. */
export type ValuesOf<Members, KeepsNames extends boolean = false> = {
  readonly [Name in keyof Members as KeepsNames extends true ? Name : CamelCase<Name> & string]: ValueOf<Members[Name]>;
};

type ValueOf<Member> =
  Member extends Key<infer T>
    ? T
    : Member extends Group<infer Inner, infer KeepsNames>
      ? ValuesOf<Inner, KeepsNames>
      : never;
