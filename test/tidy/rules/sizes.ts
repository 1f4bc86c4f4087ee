/** Owns the rule about the length of files. Functions are the linter's: `max-lines-per-function`. */
import { isProduct, type TidyRule } from '#test/tidy/rule.ts';
import type { SourceFile } from '#test/tidy/source-file.ts';

const LINES_MAX = 400;
const LINES_95_PERCENT_MAX = 300;
const LINES_MEDIAN_MAX = 100;

function linesOf(file: SourceFile): number {
  return file.text.split('\n').length - (file.text.endsWith('\n') ? 1 : 0);
}

/** The size that `share` of the files do not exceed. */
function quantile(sizes: readonly number[], share: number): number {
  const sorted = sizes.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

export const fileSizes: TidyRule = {
  name: `files are short: at most ${LINES_MAX} lines, 95 % at most ${LINES_95_PERCENT_MAX}`,
  check: (files) => {
    // A migration is a list of statements that is read once, and the baseline holds every table.
    const sized = files.filter((file) => /^(?:src|bridges|test)\/.*\.[jt]s$/.test(file.path));
    const found = sized
      .filter((file) => linesOf(file) > LINES_MAX)
      .map((file) => `${file.path}: has ${linesOf(file)} lines, and ${LINES_MAX} are the limit.`);
    const large = quantile(sized.map(linesOf), 0.95);
    if (large > LINES_95_PERCENT_MAX) found.push(`5 % of all files have ${large} lines or more.`);
    const median = quantile(sized.filter(isProduct).map(linesOf), 0.5);
    if (median > LINES_MEDIAN_MAX) found.push(`Half of the files of src have ${median} lines or more.`);
    return found;
  },
  good: [
    { 'src/core/a.ts': 'x\n'.repeat(100), 'test/a.test.ts': 'x\n'.repeat(300), 'migrations/m.ts': 'x\n'.repeat(900) },
    {
      'src/core/a.ts': 'x\n'.repeat(390),
      ...Object.fromEntries(Array.from({ length: 19 }, (_, i) => [`src/core/${i}.ts`, ''])),
    },
  ],
  bad: [
    { 'test/a.test.ts': 'x\n'.repeat(401) },
    { 'test/a.test.ts': 'x\n'.repeat(301) },
    { 'src/core/a.ts': 'x\n'.repeat(101) },
  ],
};
