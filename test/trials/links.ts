/** Owns the connections between the parts of a trial, each of which can be cut. */
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

export type LinkCommand = { readonly id: number; readonly name: string } & (
  | { readonly do: 'open'; readonly target: LinkTarget }
  | { readonly do: 'cut'; readonly how: Cut; readonly ms: number }
);
export type LinkAnswer = { readonly id: number; readonly port: number };

type Order =
  | { readonly do: 'open'; readonly name: string; readonly target: LinkTarget }
  | { readonly do: 'cut'; readonly name: string; readonly how: Cut; readonly ms: number };

/** Forwards connections in a process of its own. */
export class Links implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (port: number) => void>();
  #orders = 0;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('link-process.ts', import.meta.url)));
    this.#child.on('message', ({ id, port }: LinkAnswer) => {
      this.#answers.get(id)?.(port);
      this.#answers.delete(id);
    });
  }

  /** Opens a port of 127.0.0.1 that leads to the target, whether or not anything answers there yet. */
  open(name: string, target: LinkTarget): Promise<number> {
    return this.#order({ do: 'open', name, target });
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
