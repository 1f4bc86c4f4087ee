/** Owns the test that each phrase of the vectors finds, by the server's own search, what it should and nothing that it should not. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { asArray, asObject, readEvents } from '#test/support/matrix-shapes.ts';
import { useSuiteServer } from '#test/support/suite-server.ts';

type Phrase = {
  readonly language: string;
  readonly query: string;
  readonly matches: readonly string[];
  readonly misses: readonly string[];
  readonly why: string;
};

const file = new URL('../vectors/search-phrases.json', import.meta.url);
const { phrases }: { phrases: readonly Phrase[] } = JSON.parse(readFileSync(file, 'utf8'));

describe('search phrases', () => {
  const server = useSuiteServer();

  it('find what they should among all that is said, and nothing that they should not', async () => {
    const [alice] = await server.newUsers('alice');
    const roomId = await alice.createRoom();
    const texts = new Set(phrases.flatMap(({ matches, misses }) => [...matches, ...misses]));
    await Promise.all([...texts].map((body) => alice.sendText(roomId, body)));
    const wrong: string[] = [];
    for (const { language, query, matches, misses, why } of phrases) {
      const criteria = { search_term: query, filter: { limit: 50 } };
      const answer = await alice.raw('POST', '/search', { body: { search_categories: { room_events: criteria } } });
      assert.equal(answer.status, 200, answer.bodyText);
      const found = asObject(asObject(answer.body['search_categories'], 'categories')['room_events'], 'room_events');
      const results = asArray(found['results'], 'results').map((each) => asObject(each, 'result')['result']);
      const bodies = new Set(readEvents(results, 'results').map((event) => event.content['body']));
      wrong.push(
        ...matches.filter((each) => !bodies.has(each)).map((each) => `${language} “${query}” misses “${each}”`),
      );
      wrong.push(...misses.filter((each) => bodies.has(each)).map((each) => `“${query}” finds “${each}”: ${why}`));
    }
    assert.deepEqual(wrong, []);
    assert.equal(phrases.length, 40);
  });
});
