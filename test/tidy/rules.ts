/** Owns the list of all tidy rules. */
import type { TidyRule } from '#test/tidy/rule.ts';
import { environmentFromConfig, noMathRandom, noProcessExit, timeFromClock } from '#test/tidy/rules/ambient.ts';
import { noBarrels, noDefaultExports } from '#test/tidy/rules/exports.ts';
import { importsExist, noCycles, noDeadFiles } from '#test/tidy/rules/graph.ts';
import { isLocalDecides } from '#test/tidy/rules/is-local.ts';
import { layering, matrixIsPure, noRelativeImports } from '#test/tidy/rules/layering.ts';
import { names } from '#test/tidy/rules/names.ts';
import { reliabilityPage } from '#test/tidy/rules/reliability-page.ts';
import { fileSizes } from '#test/tidy/rules/sizes.ts';
import { sqlInStorage, tablesHaveOwners, writesForOwners } from '#test/tidy/rules/sql.ts';
import { everyTestRuns } from '#test/tidy/rules/tests.ts';
import { noMachinePaths, nothingUnfinished, openingSentence } from '#test/tidy/rules/words.ts';

export const rules: readonly TidyRule[] = [
  layering,
  noRelativeImports,
  matrixIsPure,
  noCycles,
  noDeadFiles,
  importsExist,
  fileSizes,
  timeFromClock,
  noMathRandom,
  environmentFromConfig,
  noProcessExit,
  sqlInStorage,
  tablesHaveOwners,
  writesForOwners,
  noDefaultExports,
  noBarrels,
  names,
  openingSentence,
  nothingUnfinished,
  noMachinePaths,
  everyTestRuns,
  isLocalDecides,
  reliabilityPage,
];
