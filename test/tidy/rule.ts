/** Owns what a tidy rule is: a check of the whole tree, with samples that prove that it can fail. */
import { lineOf, type SourceFile } from '#test/tidy/source-file.ts';

/** Files by path, as small as the case allows. */
export type Sample = Readonly<Record<string, string>>;

export type TidyRule = {
  readonly name: string;
  /** What is wrong, each with its place: `src/x.ts:12: …`. */
  readonly check: (files: readonly SourceFile[]) => string[];
  /** Trees in which nothing is wrong. */
  readonly good: readonly Sample[];
  /** Trees in each of which something is wrong. */
  readonly bad: readonly Sample[];
};

/** One finding at an offset. */
export function finding(file: SourceFile, offset: number, message: string): string {
  return `${file.path}:${lineOf(file, offset)}: ${message}`;
}

/** A finding for every match of the pattern in the file's code. */
export function findInCode(file: SourceFile, pattern: RegExp, message: string): string[] {
  return [...file.code.matchAll(pattern)].map((match) => finding(file, match.index, message));
}

/** Whether the file is code of the product: not a test, not test support. */
export function isProduct(file: SourceFile): boolean {
  return /^(?:src|bridges|migrations)\//.test(file.path) && /\.[jt]s$/.test(file.path) && !file.isTest;
}
