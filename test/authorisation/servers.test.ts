/** Proves for every endpoint for servers that a right signature opens it and nothing else does: made from the rows. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { endpoints } from '#api/endpoints.ts';
import { generateSigningKey, signText } from '#matrix/signing-keys.ts';
import { signedRequestText, writeXMatrix } from '#matrix/x-matrix.ts';
import { parametersOf } from '#test/requests/fill-path.ts';
import { plausibleRequest } from '#test/requests/requests.ts';
import { registerUser, type Answer, type MatrixHttp } from '#test/support/matrix-http.ts';
import { askAs, contentOf, targetOf, trustingPeers, type PeerCall } from '#test/support/peer-http.ts';
import { startPeer, type Peer } from '#test/support/peer.ts';
import { startServerProcess, testServerName, type ServerProcess } from '#test/support/server-process.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

type Row = (typeof endpoints)[number];

const rows = endpoints.filter(({ auth }) => auth === 'server');
const secret = 'vermilion-otter-43';

describe('which servers may call', () => {
  const resources = new AsyncDisposableStack();
  let server: ServerProcess;
  let peer: Peer;
  let owner: MatrixHttp;
  let roomId: string;
  let eventId: string;
  let count = 0;
  before(async () => {
    const directory = resources.use(makeTemporaryDirectory());
    const database = resources.use(await createTestDatabase());
    const env = trustingPeers(directory.path);
    server = resources.use(await startServerProcess({ databaseUrl: database.url, env }));
    peer = resources.use(await startPeer());
    owner = await registerUser(server.baseUrl, 'owner');
    roomId = await owner.createRoom({ preset: 'private_chat', name: `${secret} name`, topic: `${secret} topic` });
    eventId = await owner.sendText(roomId, `${secret} message`);
  });
  after(() => resources.disposeAsync());

  const callOf = (row: Row): PeerCall => {
    count += 1;
    const subject = {
      userId: peer.userId('alice'),
      otherUserId: owner.userId,
      roomId,
      eventId,
      unique: `unique-${count}`,
    };
    return { method: row.method, ...plausibleRequest(row, subject) };
  };
  const refused = (answer: Answer, what: string): void =>
    assert.deepEqual([answer.status, answer.body['errcode']], [401, 'M_UNAUTHORIZED'], what);

  for (const row of rows) {
    it(`${row.operation}: without a right signature nobody is let in`, async () => {
      const call = callOf(row);
      const [target, content] = [targetOf(call), contentOf(call)];
      const signed = { method: row.method, target, origin: peer.name, destination: testServerName, content };
      const header = (over: Partial<typeof signed>, said: Partial<Parameters<typeof writeXMatrix>[0]> = {}): string => {
        const signature = signText(signedRequestText({ ...signed, ...over }), peer.signer.key);
        const { origin, destination } = { ...signed, ...over };
        return writeXMatrix({ origin, destination, keyId: peer.signer.key.keyId, signature, ...said });
      };
      const other = generateSigningKey('peer');
      const wrong: Record<string, string> = {
        'no signature': '',
        "a user's token": `Bearer ${owner.accessToken}`,
        'another target': header({ target: `${target}?` }),
        'another method': header({ method: 'DELETE' }),
        'another body': header({ content: { changed: true } }),
        'a destination that is somebody else': header({ destination: 'somebody.test' }),
        'another key of the same name': header({}, { signature: signText(signedRequestText(signed), other) }),
        'an unknown key': header({}, { keyId: 'ed25519:unknown' }),
        'our own name as the origin': header({ origin: testServerName }),
        'an origin that cannot be found': header({ origin: 'nobody.localhost:1' }),
        'no server as the origin': header({ origin: 'a b' }),
      };
      for (const [what, authorization] of Object.entries(wrong)) {
        refused(await askAs(peer, server.baseUrl, call, authorization), what);
      }
      const right = await askAs(peer, server.baseUrl, call);
      assert.ok(right.status < 500 && right.status !== 401, `${right.status} ${right.bodyText.slice(0, 300)}`);
    });

    const parameters = parametersOf(row.path);
    if (parameters.includes('roomId') || parameters.includes('eventId')) {
      it(`${row.operation} is closed to servers that are not in the room`, async () => {
        const answer = await askAs(peer, server.baseUrl, callOf(row));
        assert.ok([400, 403, 404].includes(answer.status), `${answer.status} ${answer.bodyText.slice(0, 300)}`);
        assert.ok(!answer.bodyText.includes(secret), answer.bodyText);
      });
    }
  }
});
