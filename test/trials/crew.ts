/** Owns what all clients of a trial share, and how each of them asks: one server at a time, another when that fails. */
import { setTimeout as delay } from 'node:timers/promises';
import { Chance } from '#test/support/chance.ts';
import { request, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { seededNumbers } from '#test/support/seeded.ts';
import type { HistoryWriter, Invocation } from '#test/trials/history.ts';
import type { Site } from '#test/trials/site.ts';

const retryDelayMs = 50;
/** One request in so many goes to another server for no reason. */
const moveOneIn = 20;

export type Crew = {
  readonly site: Site;
  readonly history: HistoryWriter;
  readonly seed: number;
  /** Ends all clients at once, whatever they are waiting for. */
  readonly abort: AbortSignal;
  /** Senders begin nothing new when it is aborted. */
  readonly ending: AbortSignal;
  /** What no fault explains, such as an answer 403 to somebody who may. */
  readonly failures: string[];
  /** How often each status was answered; 0 stands for no answer. */
  readonly statuses: Map<number, number>;
  /** Messages acknowledged so far. */
  acknowledged: number;
};

/** A request as a client means it, wherever it goes. `path` is everything behind the host. */
export type Asked = {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly body?: object;
  readonly timeoutMs: number;
};

/** One device, which asks one server at a time. */
export class Courier {
  readonly crew: Crew;
  readonly user: MatrixHttp;
  readonly chance: Chance;
  server: number;

  constructor(crew: Crew, user: MatrixHttp, name: string) {
    this.crew = crew;
    this.user = user;
    this.chance = new Chance(seededNumbers(mixedSeed(crew.seed, name)));
    this.server = this.chance.between(0, crew.site.members.length - 1);
  }

  /** One request; undefined when there was no answer in time. */
  async ask({ method, path, body, timeoutMs }: Asked): Promise<Answer | undefined> {
    const { crew, user } = this;
    if (this.chance.isOneIn(moveOneIn)) this.move();
    const answer = await request(crew.site.member(this.server).baseUrl, method, path, {
      token: user.accessToken,
      timeoutMs,
      ...(body === undefined ? {} : { body }),
    }).catch(() => undefined);
    const status = answer?.status ?? 0;
    crew.statuses.set(status, (crew.statuses.get(status) ?? 0) + 1);
    return answer;
  }

  /** Goes to another server, if there is one. */
  move(): void {
    const count = this.crew.site.members.length;
    if (count > 1) this.server = (this.server + this.chance.between(1, count - 1)) % count;
  }

  /** Waits a little and goes elsewhere. Rejects when the trial is aborted. */
  async retreat(): Promise<void> {
    this.move();
    await delay(retryDelayMs, undefined, { signal: this.crew.abort });
  }

  /** Asks until there is a 2xx. Throws at a refusal that no fault explains. */
  async askUntilAnswered(asked: Asked): Promise<Answer> {
    for (;;) {
      const answer = await this.ask(asked);
      if (answer !== undefined && isSuccess(answer)) return answer;
      if (answer !== undefined && isRefusal(answer)) throw new Error(describe(asked, answer));
      await this.retreat();
    }
  }

  /**
   * Does an operation as a client is told to: whatever has no known outcome is asked for again, under the same transaction
   * id where there is one. Undefined when it was refused.
   */
  perform(operation: Omit<Invocation, 't' | 'at' | 'sender'>, asked: Asked): Promise<Answer | undefined> {
    this.crew.history.write({ t: 'invoke', ...operation, sender: this.user.userId, at: performance.now() });
    return this.attemptUntilKnown(operation.key, asked);
  }

  /** The same for an operation that was begun before: a repetition of it. */
  async attemptUntilKnown(key: string, asked: Asked): Promise<Answer | undefined> {
    const { history } = this.crew;
    for (;;) {
      const began = performance.now();
      const answer = await this.ask(asked);
      const outcome = outcomeOf(answer);
      const eventId = answer?.body['event_id'];
      history.write({
        t: 'attempt',
        key,
        server: this.server,
        began,
        ended: performance.now(),
        outcome,
        status: answer?.status ?? 0,
        ...(outcome === 'acknowledged' && typeof eventId === 'string' ? { eventId } : {}),
      });
      if (outcome === 'acknowledged') return answer;
      if (outcome === 'refused') return undefined;
      await this.retreat();
    }
  }

  fail(error: unknown): void {
    if (this.crew.abort.aborted) return;
    this.crew.failures.push(`${this.user.userId}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}

function outcomeOf(answer: Answer | undefined): 'acknowledged' | 'refused' | 'unknown' {
  if (answer === undefined) return 'unknown';
  if (isSuccess(answer)) return 'acknowledged';
  return isRefusal(answer) ? 'refused' : 'unknown';
}

/** An answer that says for certain that nothing was done. */
function isRefusal({ status }: Answer): boolean {
  return status >= 400 && status < 500;
}

function describe({ method, path }: Asked, { status, bodyText }: Answer): string {
  return `${method} ${path} was answered ${status} ${bodyText.slice(0, 200)}`;
}

/** A seed of its own for each name, so that one client's choices do not depend on another's. */
export function mixedSeed(seed: number, name: string): number {
  let mixed = seed >>> 0;
  for (const letter of name) mixed = Math.imul(mixed ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return mixed;
}

/** The key of content by which what the load sends says which operation it is. */
export const keyProperty = 'org.causeway.test.key';
/** The type of the load's state events. */
export const stateType = 'org.causeway.test.state';
/** The type of the load's messages to devices. */
export const toDeviceType = 'org.causeway.test.message';
