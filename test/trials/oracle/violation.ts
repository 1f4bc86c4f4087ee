/** Owns the names of what can be wrong in a history. */

/** Each kind is a promise that was broken; `detail` says where, with the names to look for in the history. */
export type Violation = {
  readonly kind:
    | 'lost'
    | 'doubled'
    | 'reordered'
    | 'skipped'
    | 'invented'
    | 'answered-differently'
    | 'token-from-the-future'
    | 'token-backwards'
    | 'divergent';
  readonly detail: string;
};
