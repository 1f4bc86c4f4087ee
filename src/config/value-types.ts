/** Owns the kinds of plain values that a configuration key may have, each with the sentence that says what is allowed. */

/** What an operator wrote: a scalar's own characters, or a list of them. File and environment are read alike. */
export type RawValue = string | readonly string[];

/** One kind of value. `T` is what the program gets. */
export type ValueType<T> = {
  /** What may stand there. Follows "Allowed: " in errors and stands alone in the documentation. */
  readonly allowed: string;
  /** The value, or undefined where `raw` is not allowed. */
  parse(raw: RawValue): { readonly value: T } | undefined;
  /** An empty value means something for this kind: it is not the same as leaving the key out. */
  readonly acceptsEmpty?: true;
};

/** A kind whose values are one scalar; `parse` gives undefined for what is not allowed. */
export function scalar<T extends {}>(allowed: string, parse: (text: string) => T | undefined): ValueType<T> {
  return {
    allowed,
    parse: (raw) => {
      const value = typeof raw === 'string' ? parse(raw) : undefined;
      return value === undefined ? undefined : { value };
    },
  };
}

/** Text of 1 to `lengthMax` characters without control characters. */
export function text(lengthMax: number): ValueType<string> {
  return scalar(`text of 1 to ${lengthMax} characters, without control characters`, (raw) =>
    raw.length > 0 && raw.length <= lengthMax && !/\p{Cc}/u.test(raw) ? raw : undefined,
  );
}

/** Text that matches a whole pattern. */
export function pattern(allowed: string, matches: RegExp): ValueType<string> {
  return scalar(allowed, (raw) => (matches.test(raw) ? raw : undefined));
}

export function oneOf<const T extends string>(values: readonly T[]): ValueType<T> {
  return scalar(`one of ${values.map((value) => `\`${value}\``).join(', ')}`, (raw) =>
    values.find((value) => value === raw),
  );
}

export const flag: ValueType<boolean> = scalar('`true` or `false`', (raw) => {
  if (raw === 'true' || raw === '1') return true;
  return raw === 'false' || raw === '0' ? false : undefined;
});

/** A whole number in decimal digits. */
export function integer(min: number, max: number): ValueType<number> {
  return scalar(`a whole number from ${min} to ${max}`, (raw) => {
    if (!/^\d{1,15}$/.test(raw)) return undefined;
    const value = Number(raw);
    return value >= min && value <= max ? value : undefined;
  });
}

/** A decimal number greater than zero. */
export function positiveNumber(max: number): ValueType<number> {
  return scalar(`a number greater than 0, at most ${max}`, (raw) => {
    if (!/^\d{1,15}(?:\.\d{1,15})?$/.test(raw)) return undefined;
    const value = Number(raw);
    return value > 0 && value <= max ? value : undefined;
  });
}

/** A list of scalars; in one piece of text, as the environment has it, they are separated by commas. */
export function list<T>(allowed: string, item: ValueType<T>, countMax: number): ValueType<readonly T[]> {
  return {
    allowed: `${allowed}; separated by commas in the environment`,
    acceptsEmpty: true,
    parse: (raw) => {
      const pieces = typeof raw === 'string' ? splitList(raw) : raw;
      const values = pieces.flatMap((piece) => item.parse(piece) ?? []).map(({ value }) => value);
      return values.length === pieces.length && pieces.length <= countMax ? { value: values } : undefined;
    },
  };
}

function splitList(raw: string): string[] {
  return raw.trim() === '' ? [] : raw.split(',').map((piece) => piece.trim());
}

/** The same kind, where an empty value switches the thing off (undefined). */
export function orOff<T>(type: ValueType<T>): ValueType<T | undefined> {
  return {
    allowed: `${type.allowed}; or empty, which switches it off`,
    acceptsEmpty: true,
    parse: (raw) => (raw === '' ? { value: undefined } : type.parse(raw)),
  };
}
