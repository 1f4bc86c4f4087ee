/** Owns the rule that the page about reliability names tests that exist, and all that carry the name of a row. */
import { finding, type TidyRule } from '#test/tidy/rule.ts';
import type { SourceFile } from '#test/tidy/source-file.ts';

const page = 'docs/reliability-tests.md';
const tableLine = /^\| *([RO]\d+) *\|(.*)\|$/gm;
const rowOfTest = /\b(?:test|it)\(\s*(['`])([RO]\d+): /g;

/** The rows that the page must have, whether or not there can be a test of them yet. */
const wanted = [
  ...Array.from({ length: 14 }, (_, n) => `R${n + 1}`),
  ...['R17', 'R28', 'R30', 'R32', 'R33'],
  ...Array.from({ length: 32 }, (_, n) => `O${n + 1}`),
];

export const reliabilityPage: TidyRule = {
  name: `${page} has every row, and the tests that it names are there`,
  check: (files) => {
    const document = files.find((file) => file.path === page);
    if (document === undefined) return [];
    const lines = [...document.text.matchAll(tableLine)];
    const rows = new Set(lines.map((match) => match[1]));
    const missing = wanted.filter((row) => !rows.has(row)).map((row) => `${page}: has no row ${row}.`);
    const wrong = lines.flatMap((match) => checkLine(files, document, match));
    return [...missing, ...wrong, ...files.flatMap((file) => findUnlisted(file, document.text))];
  },
  good: [
    pageOf([], '`test/a.test.ts` | a test |'),
    pageOf(["test('R1: a kill', () => {});"], '`test/a.test.ts` | R1: a kill |'),
    { 'docs/b.md': '| R1 | another page |' },
  ],
  bad: [
    { [page]: '| R1 | it holds | | | waits for federation |\n' },
    pageOf([], '`test/a.test.ts` | another test |'),
    pageOf([], '`test/b.test.ts` | a test |'),
    pageOf([], '| |'),
    pageOf(["it('O3: not on the page', () => {});"], '`test/a.test.ts` | a test |'),
  ],
};

/** After the row's name: what it means; the test's file and name, or both empty; what it waits for, or nothing. */
function checkLine(files: readonly SourceFile[], document: SourceFile, match: RegExpMatchArray): string[] {
  const [, fileCell = '', name = '', waits = ''] = (match[2] ?? '').split('|').map((cell) => cell.trim());
  const wrong = (what: string): string[] => [finding(document, match.index ?? 0, `${match[1]}: ${what}`)];
  if (fileCell === '') return waits === '' ? wrong('names neither a test nor what it waits for.') : [];
  const path = fileCell.replaceAll('`', '');
  const file = files.find((one) => one.path === path && one.isTest);
  if (file === undefined) return wrong(`there is no test file ${path}.`);
  const quoted = [`'${name}'`, `\`${name}\``, JSON.stringify(name)];
  return quoted.some((text) => file.text.includes(text)) ? [] : wrong(`${path} has no test "${name}".`);
}

function findUnlisted(file: SourceFile, document: string): string[] {
  if (!file.isTest) return [];
  return [...file.text.matchAll(rowOfTest)].flatMap((match) => {
    const [start, quote = "'"] = [match.index + match[0].indexOf(match[1] ?? '') + 1, match[1]];
    const name = file.text.slice(start, file.text.indexOf(quote, start));
    return document.includes(name) ? [] : [finding(file, match.index, `"${name}" is not in ${page}.`)];
  });
}

function pageOf(tests: readonly string[], first: string): Record<string, string> {
  const lines = wanted.map((row, n) => `| ${row} | it holds | ${n === 0 ? first : '| | waits for federation'} |`);
  return { [page]: `${lines.join('\n')}\n`, 'test/a.test.ts': ["test('a test', () => {});", ...tests].join('\n') };
}
