/** Owns the connections between servers, or the parts of one, each of which can be cut, slowed down and counted. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a link leads to: a Unix socket, or a port of this machine. */
export type LinkTarget = { readonly path: string } | { readonly host: string; readonly port: number };

/**
 * `reset`: all connections are broken at once. Before that, `silence` lets nothing pass for a while, and `lost-replies`
 * lets questions pass and no answers: what was asked for then happens, and nobody knows.
 */
export type Cut = 'reset' | 'silence' | 'lost-replies';
export const cuts: readonly Cut[] = ['reset', 'silence', 'lost-replies'];

/** How a link is from now on. What is left out is as it should be. */
export type Weather = {
  /** Nothing at all, or what the side that connects says and no answer. */
  readonly passes?: 'all' | 'nothing' | 'questions';
  /** In each direction, by up to `jitterMs` more or less; what was sent first still arrives first. */
  readonly delayMs?: number;
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
  /** One new connection in so many breaks in the middle, or stands still without a word. */
  readonly breaksOneIn?: number;
  readonly stallsOneIn?: number;
  readonly seed?: number;
};

/** Where a link listens; a free port of 127.0.0.1 if nothing is said. */
export type LinkPlace = { readonly host: string; readonly port: number };

type Order = { readonly name: string } & (
  | { readonly do: 'open'; readonly target: LinkTarget; readonly place: LinkPlace }
  | { readonly do: 'cut'; readonly how: Cut; readonly ms: number }
  | { readonly do: 'set'; readonly weather: Weather }
  | { readonly do: 'count' }
);
export type LinkCommand = { readonly id: number } & Order;
export type LinkAnswer = { readonly id: number; readonly value: number };

/** Forwards connections in a process of its own. */
export class Links implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (value: number) => void>();
  #orders = 0;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('link-process.ts', import.meta.url)));
    this.#child.on('message', ({ id, value }: LinkAnswer) => {
      this.#answers.get(id)?.(value);
      this.#answers.delete(id);
    });
  }

  /** Opens a port that leads to the target, whether or not anything answers there yet, and gives it. */
  open(name: string, target: LinkTarget, place: LinkPlace = { host: '127.0.0.1', port: 0 }): Promise<number> {
    return this.#order({ do: 'open', name, target, place });
  }

  /** As `nothing` and `questions` lose for good what is sent meanwhile, connections break when they end. */
  async set(name: string, weather: Weather): Promise<void> {
    await this.#order({ do: 'set', name, weather });
  }

  /** How many connections were begun so far. */
  count(name: string): Promise<number> {
    return this.#order({ do: 'count', name });
  }

  /** Resolves when the link works again; `ms` is how long it is silent before its connections break. */
  async cut(name: string, how: Cut, ms: number): Promise<void> {
    await this.#order({ do: 'cut', name, how, ms });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill();
    await ended;
  }

  #order(order: Order): Promise<number> {
    const id = this.#orders++;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#child.send({ ...order, id });
    });
  }
}
