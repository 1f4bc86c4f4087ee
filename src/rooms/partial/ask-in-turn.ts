/** Owns asking several servers for something that takes long, without waiting for those that never answer. */

/**
 * The first answer that is one. The servers are asked in their order: the next one when one has failed, or has not answered for
 * so long; then both are waited for. `ask` gives undefined where a server cannot say; what it throws ends all.
 * Undefined if none of them can.
 */
export async function askInTurn<Answer>(
  servers: readonly string[],
  ask: (server: string, signal: AbortSignal) => Promise<Answer | undefined>,
  { patienceMs, signal }: { readonly patienceMs: number; readonly signal: AbortSignal },
): Promise<Answer | undefined> {
  const enough = new AbortController();
  const asking = AbortSignal.any([signal, enough.signal]);
  const { promise, resolve, reject } = Promise.withResolvers<Answer | undefined>();
  const open = [...servers];
  let underWay = 0;
  let timer: NodeJS.Timeout | undefined;
  const askOne = async (server: string): Promise<void> => {
    underWay++;
    const answer = await ask(server, asking);
    underWay--;
    if (answer === undefined) next();
    else resolve(answer);
  };
  const next = (): void => {
    clearTimeout(timer);
    const server = asking.aborted ? undefined : open.shift();
    if (server !== undefined) {
      timer = setTimeout(next, patienceMs);
      askOne(server).catch(reject);
    } else if (underWay === 0) resolve(undefined);
  };
  next();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    enough.abort();
  }
}
