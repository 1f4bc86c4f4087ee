/** Owns the tests of messages to devices. Specification: "Send-to-Device messaging". */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertError, encode, logIn, uniqueName, type MatrixHttp } from '#test/support/matrix-http.ts';
import type { SyncAnswer } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';
import { sectionOf } from '#test/support/sync-sections.ts';

type Messages = { readonly [userId: string]: { readonly [deviceId: string]: object } };

async function send(from: MatrixHttp, messages: Messages, txnId = uniqueName('txn')): Promise<void> {
  const answer = await from.raw('PUT', `/sendToDevice/org.example.note/${encode(txnId)}`, { body: { messages } });
  assert.equal(answer.status, 200, answer.bodyText);
}

function numbersIn(answer: SyncAnswer): unknown[] {
  return sectionOf(answer.raw, 'to_device').map(({ content }) => content['n']);
}

describe('messages to devices', () => {
  const server = useSuiteServer();

  it('reach one device or all of a user, wake those that wait, and go when the next token is seen', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const phone = await logIn(server.baseUrl, bob.userId);
    const [since, phoneSince] = [(await bob.sync()).nextBatch, (await phone.sync()).nextBatch];
    const waiting = bob.sync({ since, timeout: 20_000 });
    await send(alice, { [bob.userId]: { [bob.deviceId]: { n: 1 } } });
    const first = await waiting;
    assert.deepEqual(sectionOf(first.raw, 'to_device'), [
      { type: 'org.example.note', content: { n: 1 }, sender: alice.userId },
    ]);
    await send(alice, { [bob.userId]: { '*': { n: 2 }, [phone.deviceId]: { n: 3 } }, '@nobody:hs1.test': { '*': {} } });
    assert.deepEqual(numbersIn(await phone.sync({ since: phoneSince })), [3]);
    const lost = await bob.sync({ since: first.nextBatch });
    assert.deepEqual(numbersIn(lost), [2]);
    assert.deepEqual(numbersIn(await bob.sync({ since: first.nextBatch })), [2], 'an answer that got lost is repeated');
    assert.deepEqual(numbersIn(await bob.sync({ since: lost.nextBatch })), []);
    assert.deepEqual(numbersIn(await bob.sync()), [], 'what is acknowledged is gone for good');
  });

  it('are sent once, however often the transaction is repeated, also at once', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const messages = { [bob.userId]: { '*': { n: 7 } } };
    await Promise.all([1, 2, 3].map(() => send(alice, messages, 'once')));
    await send(alice, messages, 'once');
    await send(await logIn(server.baseUrl, alice.userId), messages, 'once');
    assert.deepEqual(numbersIn(await bob.sync()), [7, 7], 'another device has transactions of its own');
  });

  it('come a hundred at a time, in order, without waiting for the rest', async () => {
    const [alice, bob] = await server.newUsers('alice', 'bob');
    const { nextBatch } = await bob.sync();
    for (let n = 0; n < 230; n += 1) await send(alice, { [bob.userId]: { [bob.deviceId]: { n } } });
    const seen: unknown[] = [];
    let since = nextBatch;
    for (const size of [100, 100, 30]) {
      const answer = await bob.sync({ since, timeout: 20_000 });
      assert.equal(numbersIn(answer).length, size);
      seen.push(...numbersIn(answer));
      since = answer.nextBatch;
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 230 }, (_, n) => n),
    );
  });

  it('are refused without content', async () => {
    const [alice] = await server.newUsers('alice');
    const path = '/sendToDevice/a/1';
    assertError(await alice.raw('PUT', path, { body: {} }), 400);
    assertError(await alice.raw('PUT', path, { body: { messages: { [alice.userId]: { '*': 'text' } } } }), 400);
    assertError(await alice.raw('PUT', path, { body: { messages: [] } }), 400);
  });
});
