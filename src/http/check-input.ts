/** Owns judging a request's query and body by their schemas, without copying or stripping them. */
import { Compile, type Validator } from 'typebox/compile';
import type { TSchema } from 'typebox';
import { MatrixError } from '#matrix/error.ts';

type Checker = { readonly validator: Validator; readonly acceptsEmpty: boolean };

const checkers = new WeakMap<TSchema, Checker>();

// Compiled on first use: two hundred endpoints at start-up would cost more than the first request of each does.
function checkerOf(schema: TSchema): Checker {
  let checker = checkers.get(schema);
  if (checker === undefined) {
    const validator = Compile(schema);
    checker = { validator, acceptsEmpty: validator.Check({}) };
    checkers.set(schema, checker);
  }
  return checker;
}

/** Whether an absent body can count as `{}`. */
export function acceptsEmptyObject(schema: TSchema): boolean {
  return checkerOf(schema).acceptsEmpty;
}

/**
 * Passes a value that fits the schema. Throws M_MISSING_PARAM for a missing key (by name, judged first), M_BAD_JSON
 * for a value of the wrong type and M_INVALID_PARAM for one of the right type that is not allowed.
 */
export function requireFitting(schema: TSchema, value: unknown, where: 'body' | 'query'): void {
  const { validator } = checkerOf(schema);
  if (validator.Check(value)) return;
  // A union reports what each of its branches lacks, and then itself; only the latter says something to the caller.
  const all = validator.Errors(value);
  const unions = new Set(all.filter((error) => error.keyword === 'anyOf').map((error) => error.instancePath));
  const errors = all.filter(
    (error) => error.keyword === 'anyOf' || ![...unions].some((path) => isWithin(error.instancePath, path)),
  );

  for (const error of errors) {
    if (error.keyword === 'required') {
      const key = dotted(`${error.instancePath}/${error.params.requiredProperties[0] ?? ''}`);
      throw new MatrixError('M_MISSING_PARAM', `The ${where} lacks the required key "${key}".`);
    }
  }
  const [error] = errors;
  const subject = error === undefined || error.instancePath === '' ? `The ${where}` : `"${dotted(error.instancePath)}"`;
  const message = `${subject} ${error?.message ?? 'is not what it should be'}.`;
  throw new MatrixError(error?.keyword === 'type' ? 'M_BAD_JSON' : 'M_INVALID_PARAM', message);
}

function isWithin(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

function dotted(pointer: string): string {
  return pointer.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');
}

/**
 * The query as its schema wants it: of each property the first value, as the integer or boolean that its type says,
 * or all values for a list. What the schema does not name is left out, above all the access token.
 * Throws M_INVALID_PARAM or M_MISSING_PARAM.
 */
export function readQuery(schema: TSchema, given: URLSearchParams | undefined): Record<string, unknown> {
  const query: Record<string, unknown> = {};
  if (given !== undefined) {
    for (const [name, property] of Object.entries(propertiesOf(schema))) {
      const text = given.get(name);
      if (text === null) continue;
      if (text.includes('\0')) throw invalid(name, 'must not contain a NUL character');
      query[name] = typeOf(property) === 'array' ? given.getAll(name) : readValue(name, text, typeOf(property));
    }
  }
  requireFitting(schema, query, 'query');
  return query;
}

function readValue(name: string, text: string, type: string | undefined): string | number | boolean {
  if (type === 'integer') {
    const number = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(number)) throw invalid(name, 'must be an integer');
    return number;
  }
  if (type === 'boolean') {
    if (text !== 'true' && text !== 'false') throw invalid(name, 'must be true or false');
    return text === 'true';
  }
  return text;
}

function invalid(name: string, rule: string): MatrixError {
  return new MatrixError('M_INVALID_PARAM', `The query parameter "${name}" ${rule}.`);
}

function propertiesOf(schema: TSchema): Record<string, unknown> {
  return 'properties' in schema && isRecord(schema.properties) ? schema.properties : {};
}

function typeOf(schema: unknown): string | undefined {
  return isRecord(schema) && typeof schema['type'] === 'string' ? schema['type'] : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
