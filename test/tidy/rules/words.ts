/** Owns the rules about what is written: the sentence at the top, nothing unfinished, no places of one machine. */
import { finding, type TidyRule } from '#test/tidy/rule.ts';

const code = /^(?:src|bridges|migrations|test)\/.*\.[jt]s$/;

export const openingSentence: TidyRule = {
  name: 'a file opens with the sentence that says what it owns',
  check: (files) =>
    files
      .filter((file) => code.test(file.path) && !file.isTest)
      .filter((file) => !/^(?:#!.*\n)?\/\*\*\s(?:(?!\*\/)[\s\S])*\.\s*\*\//.test(file.text))
      .map((file) => `${file.path}: does not open with /** and a sentence.`),
  good: [
    {
      'src/core/a.ts': '/** Owns a. */\nconst a = 1;',
      'src/bin.js': '#!/usr/bin/env node\n/**\n * Owns the start.\n */',
    },
    { 'src/core/a.test.ts': 'test();' },
  ],
  bad: [
    { 'src/core/a.ts': 'const a = 1;\n/** Owns a. */' },
    { 'test/support/a.ts': '// Owns a.' },
    { 'src/core/a.ts': '/** */\n/** Owns a. */' },
  ],
};

// The words are put together here, so that this file does not contain them.
const [later, broken, marked, crude] = [
  ['TO', 'DO'],
  ['FIX', 'ME'],
  ['X', 'XX'],
  ['HA', 'CK'],
].map((parts) => parts.join(''));
const absent = ['not', 'implemented'].join(' ');
const unfinished = new RegExp(`\\b(?:${later}|${broken}|${marked}|${crude})\\b|${absent}`);

export const nothingUnfinished: TidyRule = {
  name: 'nothing is left for later',
  check: (files) =>
    files.flatMap((file) => {
      const match = unfinished.exec(file.text);
      return match === null ? [] : [finding(file, match.index, `"${match[0]}": finish it or leave it out.`)];
    }),
  good: [{ 'src/core/a.ts': '/** Owns what is done. */', 'docs/a.md': 'A to-do list.' }],
  bad: [
    { 'src/core/a.ts': `// ${later}: speed` },
    { 'docs/a.md': `${broken}` },
    { 'src/core/a.ts': `throw new Error('${absent}')` },
  ],
};

const machinePath = /(?<![\w.~*-])\/(?:work|root|tmp|home\/[\w.-]+|Users\/[\w.-]+)\/[\w.-]|\b[A-Z]:\\\\?Users\b/;

export const noMachinePaths: TidyRule = {
  name: "no path of somebody's machine",
  check: (files) =>
    files.flatMap((file) => {
      const match = machinePath.exec(file.text);
      return match === null ? [] : [finding(file, match.index, `${match[0]}… exists on one machine only.`)];
    }),
  good: [{ 'src/core/a.ts': "'/_matrix/client/v3/sync'", 'docs/a.md': 'https://example.org/work/a and ./tmp/a' }],
  bad: [
    { 'src/core/a.ts': `'${['', 'tmp', 'a'].join('/')}'` },
    { 'docs/a.md': ['See ', 'home', 'alice', 'a.md'].join('/') },
    { 'test/a.test.ts': `cd ${['', 'root', 'a'].join('/')}` },
  ],
};
