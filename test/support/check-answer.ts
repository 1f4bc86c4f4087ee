/** Owns the check that an answer has the shape that the specification gives it: every answer that any test gets. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Schema from 'typebox/schema';

type Operation = { readonly operation: string; readonly method: string; readonly path: string };
type Route = { readonly operation: string; readonly pattern: RegExp; readonly parameters: number };

const { answers }: { answers: Record<string, object> } = JSON.parse(specification('answers.json'));
const { operations }: { operations: Operation[] } = JSON.parse(specification('operations.json'));

/** What is answered otherwise, or cannot be judged by its shape. */
const excepted: ReadonlySet<string> = new Set([
  // Without a relay there is nothing to tell; the specification knows no server without one.
  'client.getTurnServer',
  // Clients of older servers expect the names of members who have none, as null.
  'client.getJoinedMembersByRoom',
  // Beside events of rooms it tells account data and what passes, which have no ids.
  'client.getEvents',
  'client.peekEvents',
  // The content of state may be anything.
  'client.getRoomStateWithKey',
]);

const routes = Map.groupBy(
  operations.filter(({ operation }) => Object.hasOwn(answers, operation) && !excepted.has(operation)).map(routeOf),
  ({ method, length }) => `${method} ${length}`,
);
const compiled = new Map<string, ReturnType<typeof Schema.Compile>>();

/** `shaped` is a request that asked for less than whole events. */
export function checkAnswer(method: string, path: string, body: unknown, shaped: boolean): void {
  const candidates = routes.get(`${method} ${path.split('/').length}`) ?? [];
  // A template without parameters is more exact than one whose parameter would swallow its last word.
  const found: Route | undefined = candidates
    .filter(({ pattern }) => pattern.test(path))
    .toSorted((a, b) => a.parameters - b.parameters)[0];
  if (found === undefined || (shaped && found.operation === 'client.sync')) return;
  const { operation } = found;
  let check = compiled.get(operation);
  if (check === undefined) compiled.set(operation, (check = Schema.Compile(answers[operation] ?? {})));
  if (check.Check(body)) return;
  const [, errors] = check.Errors(body);
  const told = errors.slice(0, 3).map(({ instancePath, message }) => `${instancePath} ${message}`);
  assert.fail(`The answer of ${operation} is not of the specification's shape: ${told.join('; ')}`);
}

function routeOf({ operation, method, path }: Operation): Route & { readonly method: string; readonly length: number } {
  const pattern = new RegExp(`^${path.replaceAll('.', String.raw`\.`).replaceAll(/\{\w+\}/g, '[^/]*')}$`);
  return { operation, method, pattern, parameters: path.split('{').length, length: path.split('/').length };
}

function specification(name: string): string {
  return readFileSync(new URL(`../spec/${name}`, import.meta.url), 'utf8');
}
