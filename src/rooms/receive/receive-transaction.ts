/** Owns taking a transaction of another server: judged, staged, committed, answered; the same one again is only answered. */
import { createTokenBuckets } from '#core/token-buckets.ts';
import { Quota, type Load } from '#core/quota.ts';
import { tooMuchWaiting } from '#storage/overload.ts';
import { persistOutOfBand } from '#rooms/persist-out-of-band.ts';
import { checkPdus, type CheckedPdus, type SentPdu } from '#rooms/receive/check-pdus.ts';
import { CLAIM_MS, Inbox, type InboxItem } from '#rooms/receive/inbox.ts';
import type { ReceiveParts } from '#rooms/receive/receive-parts.ts';
import { findInbound, persistInbound } from '#storage/rooms/inbound-transactions.ts';

export type InboundTransaction = {
  /** The server that sent it, by its signature. */
  readonly origin: string;
  readonly txnId: string;
  readonly pdus: readonly SentPdu[];
  /** Takes what else came with it; done once, and before the transaction is answered. */
  readonly takeEdus: () => Promise<void>;
};

export type Receiver = AsyncDisposable & {
  /**
   * Resolves with the answer, as JSON text, once what was taken is committed. Throws 503 when too much of the server's
   * waits already, or the database is away; then nothing of it was taken.
   * Specification: Server-Server API, "Transactions".
   */
  readonly receive: (transaction: InboundTransaction) => Promise<string>;
  /** Whether one more thing is heard of the server that nobody misses if it is not, such as who types. */
  readonly mayTell: (origin: string) => boolean;
  /** Resolves when all that was taken has been worked through, or put off. */
  readonly settled: () => Promise<void>;
  readonly loads: readonly Load[];
};

/** EDUs of one server that may be left out: in a row, and over time. */
const tellingBudget = { burst: 2_000, perSecond: 100 };
const ORIGINS_MAX = 10_000;

export function createReceiver(parts: ReceiveParts): Receiver {
  const telling = createTokenBuckets(tellingBudget, parts.clock, ORIGINS_MAX);
  const inbox = new Inbox(parts);
  /** By origin and transaction id: who sends one twice at once gets one answer. */
  const underWay = new Map<string, Promise<string>>();
  const perOrigin = new Map<string, Quota>();

  const receive = async (transaction: InboundTransaction): Promise<string> => {
    const { origin, txnId } = transaction;
    const limit = parts.limits.inboundEventsMax;
    const before = await findInbound(parts.database, { origin, txnId, limit });
    if (before.response !== undefined) return before.response;
    if (before.waiting >= limit) throw tooMuchWaiting();
    const checked = await checkPdus(parts, origin, transaction.pdus);
    for (const event of checked.endings) await persistOutOfBand(parts, { event, shown: [] });
    await transaction.takeEdus();
    const { response, items } = await stage(parts, transaction, checked);
    inbox.add(items);
    return response;
  };

  return {
    receive: (transaction) => {
      const { origin, txnId } = transaction;
      const key = JSON.stringify([origin, txnId]);
      const first = underWay.get(key);
      if (first !== undefined) return first;
      let quota = perOrigin.get(origin);
      if (quota === undefined) perOrigin.set(origin, (quota = new Quota(origin, parts.limits.inboundTransactionsMax)));
      if (!quota.take()) return Promise.reject(tooMuchWaiting());
      const result = receive(transaction).finally(() => {
        underWay.delete(key);
        quota.give();
        if (quota.used === 0) perOrigin.delete(origin);
      });
      underWay.set(key, result);
      return result;
    },
    mayTell: (origin) => telling.take(origin) === 0,
    settled: () => inbox.settled(),
    loads: inbox.loads,
    [Symbol.asyncDispose]: () => inbox[Symbol.asyncDispose](),
  };
}

/** The answer and the events at once: what is answered is never lost, and nothing is taken twice. */
async function stage(
  { database, clock }: ReceiveParts,
  { origin, txnId }: InboundTransaction,
  { refusals, events }: CheckedPdus,
): Promise<{ readonly response: string; readonly items: readonly InboxItem[] }> {
  const results = [...refusals].map(([eventId, error]) => [eventId, error === undefined ? {} : { error }] as const);
  const response = JSON.stringify({ pdus: Object.fromEntries(results) });
  const now = clock.now();
  const staged = await persistInbound(database, { origin, txnId, response, events, now, dueAt: now + CLAIM_MS });
  if (staged === undefined) {
    const first = await findInbound(database, { origin, txnId, limit: 0 });
    return { response: first.response ?? response, items: [] };
  }
  const byId = new Map(events.map((event) => [event.eventId, event]));
  const items = staged.flatMap(({ stagingNid, attempts, eventId }) => {
    const event = byId.get(eventId);
    return event === undefined ? [] : [{ stagingNid, origin, attempts, event }];
  });
  return { response, items };
}
