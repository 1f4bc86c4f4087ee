/** Owns the last few errors that were logged, for an operator who asks how the server is doing. */

export type RecentError = { readonly at: number; readonly message: string };

export type RecentErrors = {
  note(error: RecentError): void;
  /** The newest first. */
  list(): readonly RecentError[];
};

const KEPT_MAX = 20;
const MESSAGE_CHARACTERS_MAX = 500;

export function createRecentErrors(): RecentErrors {
  const kept: RecentError[] = [];
  return {
    note: ({ at, message }) => {
      kept.unshift({ at, message: message.slice(0, MESSAGE_CHARACTERS_MAX) });
      if (kept.length > KEPT_MAX) kept.pop();
    },
    list: () => [...kept],
  };
}
