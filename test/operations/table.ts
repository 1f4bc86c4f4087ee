/** Owns the table of operations and the tests that see their effects, made from what the tests were recorded to do. */
import type { RecordedCall, TestRecord } from '#test/operations/test-record.ts';

/** The facts of an endpoint's row that the table needs. */
export type ListedOperation = {
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly aliases?: readonly string[];
};

export type TableRow = {
  readonly operation: string;
  /** The first test, by file and name, that saw the operation through another. */
  readonly test: { readonly file: string; readonly name: string } | undefined;
  /** The other operation. */
  readonly through: string | undefined;
};

/** POST requests that change nothing: what they answer is the effect of others. */
const readsByPost = new Set([
  'client.queryKeys',
  'client.queryPublicRooms',
  'client.search',
  'client.searchUserDirectory',
  'client.refresh',
  'federation.getMissingPreviousEvents',
  'federation.queryPublicRooms',
  'federation.queryUserEncryptionKeys',
]);

/** What they answer is configured, or made at the command line: no other operation has an effect on it. */
const constants = new Set([
  'admin.getServerVersion',
  'client.getAuthFallback',
  'client.getCapabilities',
  'client.getLoginFallback',
  'client.getLoginFlows',
  'client.getTurnServer',
  'client.getVersions',
  'client.getWellknown',
  'client.getWellknownSupport',
  'client.getConfig',
  'client.getConfigAuthed',
  'client.getProtocols',
  'client.queryLocationByAlias',
  'client.queryUserByID',
  'client.registrationTokenValidity',
  'federation.bulkPerspectivesKeyQuery',
  'federation.getServerKey',
  'federation.getVersion',
  'federation.getWellKnown',
  'federation.perspectivesKeyQuery',
  'own.getAbout',
  'own.getWebFile',
  'own.getWebPage',
]);

/** What they do is for the operator, who sees it by a command: the tests of `causeway list-reports`. */
const seenByCommand = new Set(['client.reportEvent', 'client.reportRoom', 'client.reportUser']);

/** Every test begins with these, so that they say nothing of what a reading operation shows. */
const setUp = new Set(['client.register', 'client.login']);

/** What they do is to refuse: the server has no e-mail, no text messages, no identity server, no bridged network,
 * no single sign-on and no OAuth. */
const refusals = new Set([
  'client.add3PID',
  'client.bind3PID',
  'client.getProtocolMetadata',
  'client.queryLocationByProtocol',
  'client.queryUserByProtocol',
  'client.getAuthMetadata',
  'client.post3PIDs',
  'client.redirectToIdP',
  'client.redirectToSSO',
  'client.requestTokenTo3PIDEmail',
  'client.requestTokenTo3PIDMSISDN',
  'client.requestTokenToRegisterEmail',
  'client.requestTokenToRegisterMSISDN',
  'client.requestTokenToResetPasswordEmail',
  'client.requestTokenToResetPasswordMSISDN',
]);

type Seen = { readonly operation: string; readonly isRead: boolean };

/**
 * A writing operation has been seen through another when, in one test, it succeeded and another that reads succeeded after
 * it; a reading one, when another that writes succeeded before it. That the test then looks at the answer is for its reviewer.
 */
export function buildTable(operations: readonly ListedOperation[], records: readonly TestRecord[]): TableRow[] {
  const find = operationFinder(operations);
  const rows = new Map<string, TableRow>();
  const ordered = records.toSorted((a, b) => compare(a.file, b.file) || compare(a.name, b.name));
  for (const { file, name, calls } of ordered) {
    const seen = calls.flatMap((call) => find(call) ?? []);
    for (const [index, { operation, isRead }] of seen.entries()) {
      if (rows.has(operation)) continue;
      const through = isRead ? writeBefore(seen, index) : readAfter(seen, index);
      if (through === undefined && !needsNoOther(operation)) continue;
      rows.set(operation, { operation, test: { file, name }, through });
    }
  }
  return operations
    .map(({ operation }) => rows.get(operation) ?? { operation, test: undefined, through: undefined })
    .toSorted((a, b) => compare(a.operation, b.operation));
}

function needsNoOther(operation: string): boolean {
  return constants.has(operation) || refusals.has(operation) || seenByCommand.has(operation);
}

function readAfter(seen: readonly Seen[], index: number): string | undefined {
  const own = seen[index]?.operation;
  return seen.slice(index + 1).find(({ operation, isRead }) => isRead && operation !== own)?.operation;
}

function writeBefore(seen: readonly Seen[], index: number): string | undefined {
  const writes = seen.slice(0, index).filter(({ isRead }) => !isRead);
  return (writes.findLast(({ operation }) => !setUp.has(operation)) ?? writes.at(-1))?.operation;
}

/** Finds what a request called; undefined for one that failed or that no row serves. */
function operationFinder(operations: readonly ListedOperation[]): (call: RecordedCall) => Seen | undefined {
  const routes = operations.flatMap((row) =>
    [row.path, ...(row.aliases ?? [])].map((path) => ({ row, pattern: patternOf(path) })),
  );
  const byCall = new Map<string, Seen | undefined>();
  return ({ method, path, status }) => {
    const isRefused = status >= 400 && status <= 499;
    if (!isRefused && (status < 200 || status > 299)) return undefined;
    const key = `${method} ${path}`;
    if (!byCall.has(key)) {
      // A template without parameters is more exact than one whose parameter would swallow its last word.
      const found = routes
        .filter((route) => route.row.method === method && route.pattern.test(path))
        .toSorted((a, b) => parameterCount(a.row.path) - parameterCount(b.row.path))[0]?.row;
      byCall.set(key, found && { operation: found.operation, isRead: isReading(found) });
    }
    const found = byCall.get(key);
    return isRefused && found !== undefined && !refusals.has(found.operation) ? undefined : found;
  };
}

function isReading({ operation, method }: ListedOperation): boolean {
  return method === 'GET' || readsByPost.has(operation);
}

function patternOf(template: string): RegExp {
  const escaped = template.replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`);
  // The last parameter may be an empty state key.
  const last = escaped.replace(/\/\{\w+\}$/, '(?:/[^/]*)?');
  return new RegExp(`^${last.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}

const parameterCount = (template: string): number => template.split('{').length;

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The Markdown of docs/operation-tests.md. */
export function renderTable(rows: readonly TableRow[]): string {
  const lines = rows.map(({ operation, test, through }) => {
    const where = test === undefined ? '**none**' : `${test.file}: ${test.name.replaceAll('|', String.raw`\|`)}`;
    return `| \`${operation}\` | ${where} | ${through === undefined ? '' : `\`${through}\``} |`;
  });
  return `# Operations and the tests that see them

Made by \`npm test\` from what every test was recorded to ask: for each operation that is served the first test, by file and name,
in which it succeeded and its effect could be seen through another operation. An operation without one fails the run.

| operation | test | seen through |
|---|---|---|
${lines.join('\n')}
`;
}
