/** Owns the rules about names: words that say nothing are not used for files and types. */
import { finding, type TidyRule } from '#test/tidy/rule.ts';

const emptyWords = new Set(['manager', 'helper', 'helpers', 'util', 'utils', 'handler', 'service', 'processor']);

/** The word of the name that says nothing, if there is one. `account data` is a term of the specification. */
function findEmptyWord(words: readonly string[]): string | undefined {
  const last = words.at(-1);
  if ((last === 'data' && words.at(-2) !== 'account') || last === 'info') return last;
  return words.find((word) => emptyWords.has(word));
}

function wordsOf(name: string): string[] {
  return name.split(/[-_.]|(?<=[a-z0-9])(?=[A-Z])/).map((word) => word.toLowerCase());
}

export const names: TidyRule = {
  name: 'names of files, types and functions say something',
  check: (files) =>
    files
      .filter((file) => /\.[jt]s$/.test(file.path))
      .flatMap((file) => {
        const base = /([^/]+?)(?:\.test)?\.[jt]s$/.exec(file.path)?.[1] ?? '';
        const isMigration = file.path.startsWith('migrations/');
        const found: string[] = [];
        if (!isMigration && !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(base)) found.push(`${file.path}: is not in kebab case.`);
        const inFile = findEmptyWord(wordsOf(base));
        if (inFile !== undefined) found.push(`${file.path}: "${inFile}" says nothing; name what it owns.`);
        for (const match of file.code.matchAll(/\bexport\s+(?:abstract\s+)?(?:type|interface|class)\s+(\w+)/g)) {
          const word = findEmptyWord(wordsOf(match[1] ?? ''));
          if (word !== undefined) found.push(finding(file, match.index, `${match[1]}: "${word}" says nothing.`));
        }
        for (const match of file.code.matchAll(/\bfunction\s+(handle[A-Z]\w*)/g)) {
          found.push(finding(file, match.index, `${match[1]}: say what it does instead of "handle".`));
        }
        return found;
      }),
  good: [
    { 'src/users/account-data.ts': 'export type AccountData = string;' },
    { 'src/storage/data-directory.ts': 'export type DataDirectory = string;\nconst handler = 1;' },
    { 'src/matrix/server-info-query.test.ts': '', 'migrations/Migration20260101000000_create_rooms.ts': '' },
  ],
  bad: [
    { 'src/core/string-utils.ts': '' },
    { 'src/core/helper.test.ts': '' },
    { 'src/rooms/room-data.ts': '' },
    { 'src/core/info.ts': '' },
    { 'src/core/keyedMutex.ts': '' },
    { 'src/core/a.ts': 'export class RoomManager {}' },
    { 'src/core/a.ts': 'export type UserInfo = string;' },
    { 'src/core/a.ts': 'function handleEvent() {}' },
  ],
};
