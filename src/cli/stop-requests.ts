/** Owns what Ctrl-C and the signals of a service manager mean: first stop in order, then stop at once. */

/**
 * One Ctrl-C can arrive several times, since the terminal sends it to every process in the foreground, and npm and our
 * own launcher pass theirs on. What follows within this time is the same request.
 */
const SAME_REQUEST_MS = 500;

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type StopRequests = Disposable & {
  readonly first: Promise<void>;
  readonly second: Promise<void>;
};

/** Listens from now on, so that a request during the start is kept until the start is done. */
export function stopRequests(sameRequestMs = SAME_REQUEST_MS): StopRequests {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let isRequested = false;
  let isLate = false;
  const onSignal = () => {
    if (isLate) second.resolve();
    if (isRequested) return;
    isRequested = true;
    first.resolve();
    setTimeout(() => (isLate = true), sameRequestMs).unref();
  };
  for (const signal of signals) process.on(signal, onSignal);
  return {
    first: first.promise,
    second: second.promise,
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

export type StopSignal = Disposable & { readonly signal: AbortSignal };

/** The first request as an abort signal, for a command that can break off what it does. */
export function stopSignal(): StopSignal {
  const requests = stopRequests();
  const stopping = new AbortController();
  void requests.first.then(() => stopping.abort());
  return { signal: stopping.signal, [Symbol.dispose]: () => requests[Symbol.dispose]() };
}
