/** Owns the shape of what tests were recorded to do, and where the records are. */

/** One request that a test made, in the order of the answers. */
export type RecordedCall = { readonly method: string; readonly path: string; readonly status: number };

/** What one test did; `file` is relative to the repository. */
export type TestRecord = { readonly file: string; readonly name: string; readonly calls: readonly RecordedCall[] };

/** The directory for the records; set by the runner when everything is run. */
export const recordVariable = 'CAUSEWAY_TEST_RECORDS';
