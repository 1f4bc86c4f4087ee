/** Owns the budgets: what each row has to reach on two cores, and how a measurement is judged. */

export type Budget = {
  bound: 'at least' | 'at most';
  limit: number;
  /** Whether `limit` is a ratio to the floor of the same run or stands for itself. */
  per: 'floor' | 'absolute';
};

export const budgets: Record<string, Budget> = {
  sequential: { bound: 'at least', limit: 0.25, per: 'floor' },
  ten: { bound: 'at least', limit: 0.85, per: 'floor' },
  own: { bound: 'at least', limit: 1.3, per: 'floor' },
  'ten-slow-disk': { bound: 'at least', limit: 2000, per: 'absolute' },
  rooms: { bound: 'at least', limit: 400, per: 'absolute' },
  joins: { bound: 'at least', limit: 1500, per: 'absolute' },
  'delivery-1000': { bound: 'at most', limit: 15, per: 'absolute' },
  'initial-sync': { bound: 'at most', limit: 100, per: 'absolute' },
  'empty-sync': { bound: 'at least', limit: 3000, per: 'absolute' },
  messages: { bound: 'at least', limit: 500, per: 'absolute' },
  'idle-connections': { bound: 'at most', limit: 40, per: 'absolute' },
  'memory-idle': { bound: 'at most', limit: 150, per: 'absolute' },
  'memory-after-load': { bound: 'at most', limit: 250, per: 'absolute' },
  'resolution-v11': { bound: 'at most', limit: 250, per: 'absolute' },
  'resolution-v12': { bound: 'at most', limit: 250, per: 'absolute' },
  'state-10': { bound: 'at most', limit: 600, per: 'absolute' },
  'state-50000': { bound: 'at most', limit: 3000, per: 'absolute' },
  'state-lookup': { bound: 'at most', limit: 2, per: 'absolute' },
  'federated-join-usable': { bound: 'at most', limit: 10_000, per: 'absolute' },
  'federated-join-complete': { bound: 'at most', limit: 120_000, per: 'absolute' },
  'federated-join-memory': { bound: 'at most', limit: 300, per: 'absolute' },
  'start-first': { bound: 'at most', limit: 5000, per: 'absolute' },
  'start-again': { bound: 'at most', limit: 1000, per: 'absolute' },
};

/** Whether the budget is met; undefined where there is none or one side is not known. Pure. */
export function judge(
  budget: Budget | undefined,
  measured: number | undefined,
  floorPerSecond: number | undefined,
): boolean | undefined {
  if (budget === undefined || measured === undefined) return undefined;
  if (budget.per === 'floor' && floorPerSecond === undefined) return undefined;
  const value = budget.per === 'floor' ? measured / (floorPerSecond ?? 1) : measured;
  return budget.bound === 'at least' ? value >= budget.limit : value <= budget.limit;
}
