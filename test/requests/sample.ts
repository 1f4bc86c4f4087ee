/** Owns making values of a schema: the smallest one that fits, and random ones of which many do not. */
import * as fc from 'fast-check';

type Schema = Readonly<Record<string, unknown>>;

const depthMax = 6;

/** The smallest value that fits: required properties only, the shortest strings, the first of several choices. */
export function smallestOf(schema: unknown): unknown {
  if (!isSchema(schema)) return {};
  if ('const' in schema) return schema['const'];
  const [choice] = listOf(schema, 'anyOf') ?? listOf(schema, 'oneOf') ?? [];
  if (choice !== undefined) return smallestOf(choice);
  const all = listOf(schema, 'allOf');
  if (all !== undefined) return Object.assign({}, ...all.map(smallestOf));
  const [named] = listOf(schema, 'enum') ?? [];
  if (named !== undefined) return named;
  switch (schema['type']) {
    case 'string':
      return 'x'.repeat(Math.max(1, numberOf(schema, 'minLength') ?? 1));
    case 'integer':
    case 'number':
      return numberOf(schema, 'minimum') ?? 1;
    case 'boolean':
      return true;
    case 'null':
      return null;
    case 'array':
      return Array.from({ length: numberOf(schema, 'minItems') ?? 0 }, () => smallestOf(schema['items']));
    default:
      return smallestObject(schema);
  }
}

function smallestObject(schema: Schema): Record<string, unknown> {
  const properties = propertiesOf(schema);
  const required = (listOf(schema, 'required') ?? []).map(String);
  return Object.fromEntries(required.map((key) => [key, smallestOf(properties[key])]));
}

/** Any JSON, much of it of the kind that trips a server: odd keys, U+0000, lone surrogates, numbers at their limits. */
export const oddJson: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 2 ** 53, -(2 ** 53), 1e308, '', '\0', '\ud800', [], {}, [[[[]]]]),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('@', '@:', '!x:y', '$', '#a:b', '@a:'.padEnd(300, 'b'), 'm.room.member', '__proto__', '%00', '../..'),
  fc.jsonValue({ maxDepth: 3 }),
  fc.constant({ __proto__: null, constructor: 1, toString: 'x', membership: 'join', users: { '@a:b': '1' } }),
);

/** Values of the schema's shape, in which any part may be replaced by something odd or left out. */
export function nearlyFitting(schema: unknown, pool: readonly string[], depth = 0): fc.Arbitrary<unknown> {
  const fitting = fittingOf(schema, pool, depth);
  return fc.oneof({ arbitrary: fitting, weight: 5 }, { arbitrary: oddJson, weight: 1 });
}

function fittingOf(schema: unknown, pool: readonly string[], depth: number): fc.Arbitrary<unknown> {
  if (!isSchema(schema) || depth > depthMax) return oddJson;
  if ('const' in schema) return fc.constant(schema['const']);
  const choices = listOf(schema, 'anyOf') ?? listOf(schema, 'oneOf');
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => nearlyFitting(choice, pool, depth + 1)));
  const names = listOf(schema, 'enum');
  if (names !== undefined) return fc.constantFrom(...names);
  switch (schema['type']) {
    case 'string':
      return fc.oneof(fc.constantFrom(...pool), fc.string({ unit: 'binary', maxLength: 30 }));
    case 'integer':
    case 'number':
      return fc.oneof(fc.integer({ min: -2, max: 200 }), fc.maxSafeInteger());
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(nearlyFitting(schema['items'], pool, depth + 1), { maxLength: 3 });
    default:
      return objectOf(schema, pool, depth);
  }
}

function objectOf(schema: Schema, pool: readonly string[], depth: number): fc.Arbitrary<unknown> {
  const properties = Object.entries(propertiesOf(schema));
  const declared = Object.fromEntries(
    properties.map(([key, property]) => [key, nearlyFitting(property, pool, depth + 1)]),
  );
  const others = fc.dictionary(fc.oneof(fc.constantFrom(...pool), fc.string({ maxLength: 8 })), oddJson, {
    maxKeys: 2,
  });
  return fc
    .tuple(fc.record(declared, { requiredKeys: [] }), fc.record(declared), others, fc.integer({ min: 0, max: 3 }))
    .map(([some, whole, extra, kind]) => ({ ...(kind === 0 ? some : whole), ...(kind === 1 ? extra : {}) }));
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function propertiesOf(schema: Schema): Schema {
  return isSchema(schema['properties']) ? schema['properties'] : {};
}

function listOf(schema: Schema, key: string): readonly unknown[] | undefined {
  const value = schema[key];
  return Array.isArray(value) && value.length > 0 ? value : undefined;
}

function numberOf(schema: Schema, key: string): number | undefined {
  const value = schema[key];
  return typeof value === 'number' ? value : undefined;
}
