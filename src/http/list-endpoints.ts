/** Owns the document that lists what is served, and counts what the specification has besides. */
import type { Endpoint } from '#http/endpoint.ts';

/** An operation that the specification asks of a homeserver. */
export type SpecificationOperation = {
  /** API and operation id: `client.joinRoomById`. */
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly auth: string;
  readonly rate_limited: boolean;
  readonly deprecated: boolean;
  /** Whether it is among those of "Guest Access". */
  readonly guests?: boolean;
  /** The version of the specification that has it first. */
  readonly since: string;
};

/** The rows' facts without their context, so that a document can be made of any of them. */
export type ListedEndpoint = Pick<
  Endpoint<never>,
  'operation' | 'alsoServes' | 'method' | 'path' | 'aliases' | 'auth' | 'allow' | 'guests' | 'rateLimit' | 'spec'
>;

/** The Markdown of docs/endpoints.md. `operations` are all that the specification asks of a homeserver. */
export function renderEndpointsDocument(
  endpoints: readonly ListedEndpoint[],
  operations: readonly SpecificationOperation[],
): string {
  const served = new Set(endpoints.flatMap(({ operation, alsoServes = [] }) => [operation, ...alsoServes]));
  const specified = new Set(operations.map(({ operation }) => operation));
  const apis = [...new Set([...operations, ...endpoints].map(({ operation }) => apiOf(operation)))].toSorted();

  const counts = apis.map((api) => {
    const all = operations.filter(({ operation }) => apiOf(operation) === api);
    const done = all.filter(({ operation }) => served.has(operation)).length;
    const own = [...served].filter((operation) => apiOf(operation) === api && !specified.has(operation)).length;
    return `| ${api} | ${all.length} | ${done} | ${all.length - done} | ${own} |`;
  });
  const rows = endpoints.toSorted((one, other) => one.operation.localeCompare(other.operation, 'en')).map(renderRow);

  return [
    '# Endpoints',
    '',
    'This page is generated from `src/api/endpoints.ts` by `npm run docs`.',
    '',
    '| API | in the specification | served | not yet served | beyond the specification |',
    '|---|---:|---:|---:|---:|',
    ...counts,
    '',
    '| operation | method and path | who may call | rate limit | specification |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function renderRow(row: ListedEndpoint): string {
  const paths = [row.path, ...(row.aliases ?? [])].map((path) => `\`${row.method} ${path}\``).join('<br>');
  const states = row.allow === undefined || row.allow.length === 0 ? '' : `, also ${row.allow.join(' and ')} accounts`;
  const guests = row.guests === true ? ', also guests' : '';
  return `| ${row.operation} | ${paths} | ${callers[row.auth]}${states}${guests} | ${limitsOf(row)} | ${row.spec} |`;
}

const callers = { none: 'anybody', optionalUser: 'anybody, or a user', user: 'a user', server: 'a server' } as const;

function apiOf(operation: string): string {
  return operation.split('.', 1)[0] ?? operation;
}

/** Whoever signs is limited, whatever the row says besides. */
function limitsOf({ auth, rateLimit }: ListedEndpoint): string {
  if (auth !== 'server') return rateLimit;
  return rateLimit === 'none' ? 'federation' : `federation, ${rateLimit}`;
}
