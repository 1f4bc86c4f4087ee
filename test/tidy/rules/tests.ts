/** Owns the rule that every test runs. */
import { findInCode, type TidyRule } from '#test/tidy/rule.ts';

const switchedOff =
  /\b(?:test|it|describe|suite|t|context)\.(?:skip|only|todo)\b|[{,]\s*(?:skip|todo)\s*:\s*(?!false\b)|[{,]\s*only\s*:\s*true\b/g;

export const everyTestRuns: TidyRule = {
  name: 'no test is switched off',
  check: (files) =>
    files
      .filter((file) => file.isTest)
      .flatMap((file) => findInCode(file, switchedOff, 'a test that does not run proves nothing.')),
  good: [
    { 'src/core/a.test.ts': "test('skip: only', { timeout: 5 }, () => {}); // test.skip" },
    { 'src/core/a.ts': 'db.skip()' },
  ],
  bad: [
    { 'src/core/a.test.ts': "test.skip('a', () => {});" },
    { 'src/core/a.test.ts': "describe.only('a', () => {});" },
    { 'src/core/a.test.ts': "it.todo('a');" },
    { 'src/core/a.test.ts': "test('a', { skip: process.platform === 'win32' }, () => {});" },
    { 'src/core/a.test.ts': "test('a', { timeout: 1, only: true }, () => {});" },
    { 'src/core/a.test.ts': "test('a', (t) => { t.skip(); });" },
  ],
};
