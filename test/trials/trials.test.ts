/**
 * Owns the fault trials: servers, PostgreSQL and the connections between them fail in every way at random moments under
 * load, and nothing that was acknowledged is lost, doubled, reordered or withheld.
 *
 * A run of everything has short trials. `CAUSEWAY_TEST_TRIAL` names a long one, which then is the only one:
 * - `stops`: 4 servers, 30 clients, 50,000 messages, servers stopped and killed at random
 * - `kills`: 50 kills of servers, 10 of PostgreSQL and 10 of Redis, and two cuts between each pair
 * - `deaths`: the only server is killed 500 times, at any moment of the two seconds after it serves again, under 100,000 messages
 * - `own`: one server with its own PostgreSQL, 50 kills of everything and 10 of PostgreSQL alone
 * `CAUSEWAY_TEST_MESSAGES` changes how many messages must be acknowledged. `CAUSEWAY_TEST_SEED` gives a trial the choices of
 * an earlier one; moments differ all the same.
 */
import { test, type TestContext } from 'node:test';
import { chooseSeed } from '#test/support/seeded.ts';
import { isRedisInstalled } from '#test/support/redis-process.ts';
import { longTrials, shortTrials, type Plan } from '#test/trials/plans.ts';
import { runTrial } from '#test/trials/trial.ts';

const wanted = process.env['CAUSEWAY_TEST_TRIAL'];

if (wanted === undefined) {
  test('R1: servers, PostgreSQL and Redis that are killed, stopped and cut off break no promise to clients', (context) =>
    run(context, shortTrials.several));
  test('R1: a server that is killed together with its own PostgreSQL breaks no promise to clients', (context) =>
    run(context, shortTrials.own));
} else {
  test(`no fault breaks a promise: ${wanted}`, (context) => {
    const plan = longTrials[wanted];
    if (plan === undefined) throw new Error(`There is no trial ${wanted}, only ${Object.keys(longTrials).join(', ')}.`);
    return run(context, { ...plan, messages: Number(process.env['CAUSEWAY_TEST_MESSAGES'] ?? plan.messages) });
  });
}

async function run(context: TestContext, plan: Plan): Promise<void> {
  if (plan.site.redis === true && !isRedisInstalled) context.diagnostic('No redis-server is installed: tried without.');
  await runTrial({ ...plan, seed: chooseSeed() }, (line) => context.diagnostic(line));
}
