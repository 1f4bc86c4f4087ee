/** Checks that the search phrases can be had: a plain matcher over the words of Intl.Segmenter tells them apart. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

type Phrase = {
  readonly language: string;
  readonly query: string;
  readonly matches: readonly string[];
  readonly misses: readonly string[];
  readonly why: string;
};

const path = new URL('search-phrases.json', import.meta.url);
const { phrases }: { phrases: readonly Phrase[] } = JSON.parse(readFileSync(path, 'utf8'));
const segmenter = new Intl.Segmenter('und', { granularity: 'word' });
/** A shorter Latin word is not looked for inside of others. */
const partLengthMin = 4;

/** Latin letters without case and marks. Marks of other scripts belong to their letters. */
function fold(text: string): string {
  const plain = text.normalize('NFKD').replaceAll(/[\u0300-\u036F]/g, '').normalize('NFC').toLowerCase();
  return plain.normalize('NFD').replaceAll(/[\u0300-\u036F]/g, '').normalize('NFC').replaceAll('ß', 'ss').replaceAll('ł', 'l');
}

function wordsOf(text: string): string[] {
  return [...segmenter.segment(fold(text))].filter((part) => part.isWordLike).map((part) => part.segment);
}

function isWordFor(wanted: string, word: string): boolean {
  if (/\p{Script=Hangul}/u.test(wanted)) return word.startsWith(wanted);
  if (/\p{Script=Latin}/u.test(wanted) && wanted.length >= partLengthMin) return word.includes(wanted);
  return word === wanted;
}

/** The words of the query, one behind the other in the document. */
function isFound(query: string, document: string): boolean {
  const [wanted, words] = [wordsOf(query), wordsOf(document)];
  return words.some((_, start) => wanted.every((word, at) => isWordFor(word, words[start + at] ?? '')));
}

void test('there are forty phrases, each with something to find and something not to find', () => {
  assert.equal(phrases.length, 40);
  for (const { language, query, matches, misses, why } of phrases) {
    assert.match(language, /^[a-z]{2}(-[A-Z][a-z]{3})?$/);
    assert.ok(query.length > 0 && matches.length > 0 && misses.length > 0, query);
    assert.match(why, /^[A-Z].*\.$/, query);
  }
});

void test('words of Intl.Segmenter tell what must match from what must not', () => {
  const wrong = phrases.flatMap(({ query, matches, misses }) => [
    ...matches.filter((text) => !isFound(query, text)).map((text) => `${query} is not found in: ${text}`),
    ...misses.filter((text) => isFound(query, text)).map((text) => `${query} is found in: ${text}`),
  ]);
  assert.deepEqual(wrong, []);
});
