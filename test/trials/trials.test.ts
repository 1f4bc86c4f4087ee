/**
 * Owns the fault trials: servers, PostgreSQL and the connections between them fail in every way at random moments under
 * load, and nothing that was acknowledged is lost, doubled, reordered or withheld.
 *
 * A run of everything has short trials. `CAUSEWAY_TEST_TRIAL` names a long one, which then is the only one:
 * - `stops`: 4 servers, 30 clients, 50,000 messages, servers stopped and killed at random
 * - `kills`: 50 kills of servers, 10 of PostgreSQL and 10 of Redis, and two cuts between each pair
 * - `own`: one server with its own PostgreSQL, 50 kills of everything and 10 of PostgreSQL alone
 * `CAUSEWAY_TEST_MESSAGES` changes how many messages must be acknowledged. `CAUSEWAY_TEST_SEED` gives a trial the choices of
 * an earlier one; moments differ all the same.
 */
import { test } from 'node:test';
import { chooseSeed } from '#test/support/seeded.ts';
import { isRedisInstalled } from '#test/support/redis-process.ts';
import { longTrials, shortTrials } from '#test/trials/plans.ts';
import { runTrial } from '#test/trials/trial.ts';

const wanted = process.env['CAUSEWAY_TEST_TRIAL'];
const plans = wanted === undefined ? shortTrials : { [wanted]: longTrials[wanted] };

for (const [name, plan] of Object.entries(plans)) {
  test(`no fault breaks a promise: ${name}`, async (context) => {
    if (plan === undefined) throw new Error(`There is no trial ${name}, only ${Object.keys(longTrials).join(', ')}.`);
    if (plan.site.redis === true && !isRedisInstalled)
      context.diagnostic('No redis-server is installed: tried without.');
    const messages = Number(process.env['CAUSEWAY_TEST_MESSAGES'] ?? plan.messages);
    await runTrial({ ...plan, messages, seed: chooseSeed() }, (line) => context.diagnostic(line));
  });
}
