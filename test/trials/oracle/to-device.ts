/**
 * Owns the verdict over messages to devices. A device has had a message when it asks on with the token of the answer that
 * brought it: until then it is brought again, and from then on never.
 */
import type { HistoryRecord } from '#test/trials/history.ts';
import type { Operations } from '#test/trials/oracle/operations.ts';
import type { Violation } from '#test/trials/oracle/violation.ts';

export function judgeToDevice(records: readonly HistoryRecord[], operations: Operations): Violation[] {
  const violations: Violation[] = [];
  const devices = new Map<string, Deliveries>();
  const targets = new Map<string, string>();
  for (const record of records) {
    if (record.t === 'end') targets.set(record.device, record.client);
    if (record.t !== 'sync') continue;
    const own = devices.get(record.client) ?? new Deliveries();
    devices.set(record.client, own);
    if (record.since !== null) own.acknowledge(record.since);
    for (const key of record.toDevice) {
      if (own.isAcknowledged(key)) {
        violations.push({ kind: 'doubled', detail: `${record.client} was brought ${key} again at ${record.next}` });
      }
      if (!operations.has(key)) violations.push({ kind: 'invented', detail: `${record.client} was brought ${key}` });
    }
    if (new Set(record.toDevice).size < record.toDevice.length) {
      violations.push({
        kind: 'doubled',
        detail: `${record.client} has a message twice in one answer, ${record.next}`,
      });
    }
    own.deliver(record.toDevice, record.next);
  }
  return [...violations, ...judgeDelivered(operations, devices, targets)];
}

/** What was acknowledged to its sender has arrived, in the sender's order. */
function judgeDelivered(
  operations: Operations,
  devices: ReadonlyMap<string, Deliveries>,
  targets: ReadonlyMap<string, string>,
): Violation[] {
  const violations: Violation[] = [];
  const latest = new Map<string, { readonly key: string; readonly place: number }>();
  for (const [key, { invocation, acknowledged }] of operations) {
    const { kind, target, lane } = invocation;
    const client = target === undefined ? undefined : targets.get(target);
    if (kind !== 'toDevice' || acknowledged === undefined || client === undefined) continue;
    const place = devices.get(client)?.placeOf(key);
    if (place === undefined) {
      violations.push({ kind: 'lost', detail: `${key} never came to ${client}` });
      continue;
    }
    const pair = JSON.stringify([lane, target]);
    const before = latest.get(pair);
    if (before !== undefined && place < before.place) {
      violations.push({ kind: 'reordered', detail: `${client} was brought ${key} before ${before.key}` });
    }
    latest.set(pair, { key, place });
  }
  return violations;
}

/** What one device was brought, and which of it it has acknowledged. */
class Deliveries {
  readonly #places = new Map<string, number>();
  readonly #byToken = new Map<string, string[]>();
  readonly #acknowledged = new Set<string>();

  deliver(keys: readonly string[], token: string): void {
    for (const key of keys) if (!this.#places.has(key)) this.#places.set(key, this.#places.size);
    this.#byToken.set(token, [...(this.#byToken.get(token) ?? []), ...keys]);
  }

  acknowledge(token: string): void {
    for (const key of this.#byToken.get(token) ?? []) this.#acknowledged.add(key);
  }

  isAcknowledged(key: string): boolean {
    return this.#acknowledged.has(key);
  }

  placeOf(key: string): number | undefined {
    return this.#places.get(key);
  }
}
