/** Owns what an operator is told when long work is broken off, by Ctrl-C or by a full disk. */
import { StartError } from '#core/start-error.ts';
import { stopSignal } from '#cli/stop-requests.ts';

/**
 * Runs work that ends early when its signal is aborted, which the first Ctrl-C does. Errors of the system and of the
 * database become a sentence, with what is left of the work.
 */
export async function breakable<T>(
  { name, left }: { readonly name: string; readonly left: string },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using stopping = stopSignal();
  try {
    return await work(stopping.signal);
  } catch (error) {
    if (stopping.signal.aborted) throw new StartError(`The ${name} was broken off: ${left}`, { cause: error });
    if (error instanceof Error && 'code' in error) {
      throw new StartError(`The ${name} failed (${error.message}): ${left}`, { cause: error });
    }
    throw error;
  }
}
