/** Owns the rule that one function decides what is local, so that one server can have several names. */
import { findInCode, isProduct, type TidyRule } from '#test/tidy/rule.ts';

const ownName = String.raw`(?:\w+(?:\.|\?\.))*(?:serverName|server_name|ownServerName)\b`;
const comparison = new RegExp(
  // Against nothing at all is a question whether there is a name, not whose it is.
  String.raw`(?<![\w.])${ownName}\s*[!=]==?(?!=|\s*(?:undefined|null)\b)|(?<!\b(?:undefined|null)\s*)[!=]==?\s*${ownName}(?!\s*\()|\.(?:endsWith|includes)\([^()]*\b(?:serverName|ownServerName)\b`,
  'g',
);
const definition = /\bfunction\s+isLocal\b/;

export const isLocalDecides: TidyRule = {
  name: 'only isLocal compares with the name of this server',
  check: (files) => {
    const product = files.filter(isProduct);
    const definitions = product.filter((file) => definition.test(file.code));
    return [
      ...product
        .filter((file) => !definition.test(file.code))
        .flatMap((file) => findInCode(file, comparison, 'ask isLocal; a server can have several names.')),
      ...(definitions.length > 1 ? definitions.map((file) => `${file.path}: isLocal is defined more than once.`) : []),
    ];
  },
  good: [
    {
      'src/users/is-local.ts': 'export function isLocal(id: string) { return serverNameOf(id) === config.serverName; }',
    },
    { 'src/config/a.ts': 'const trial = parsed.serverName === undefined;\nconst a = { serverName: 1 };' },
    { 'src/rooms/a.ts': 'const id = `@a:${config.serverName}`;\nif (name === serverNameOf(id)) {}' },
  ],
  bad: [
    { 'src/rooms/a.ts': 'if (serverNameOf(id) === config.serverName) {}' },
    { 'src/rooms/a.ts': 'if (deps.config.serverName !== origin) {}' },
    { 'src/rooms/a.ts': 'return origin == serverName;' },
    { 'src/rooms/a.ts': 'return id.endsWith(`:${serverName}`);' },
    { 'src/rooms/a.ts': 'function isLocal() {}', 'src/users/b.ts': 'function isLocal() {}' },
  ],
};
