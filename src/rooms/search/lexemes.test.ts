/** Proves which questions find which texts, by the rules of PostgreSQL's `@@` in small. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lexemesOf, searchTermsOf, tsQueryOf } from '#rooms/search/lexemes.ts';

function finds(question: string, text: string): boolean {
  const lexemes = lexemesOf(text);
  return searchTermsOf(question).every(({ folded, isPrefix, isPart }) =>
    lexemes.some(
      (lexeme) =>
        (isPrefix ? lexeme.startsWith(`:${folded}`) : lexeme === `:${folded}`) ||
        (isPart && lexeme.startsWith(`-${folded}`)),
    ),
  );
}

for (const [question, text] of [
  ['schifffahrt', 'Die Donaudampfschifffahrtsgesellschaft legt ab'],
  ['Schlüssel', 'Wo ist der Haustürschlüssel?'],
  ['haustur', 'Wo ist der Haustürschlüssel?'],
  ['STRASSE', 'in der Hauptstraße 5'],
  ['Versicherung', 'Krankenversicherungskarte'],
  ['人工智能', '我喜欢人工智能技术'],
  ['东京', '我去东京旅游'],
  ['東京', '東京都に住んでいます'],
  ['買う', '昨日パソコンを買った'],
  ['コンピューター', 'スーパーコンピューターが速い'],
  ['서울', '서울에서 만나요'],
  ['학교에서', '내일 학교에 갑니다'],
  ['대학교', '서울대학교 도서관'],
  ['ประเทศไทย', 'ฉันรักประเทศไทยมาก'],
  ['กาแฟ', 'วันนี้ดื่มกาแฟร้อน'],
  ['example', 'see www.example.com/page'],
  ["can't", "I can't come"],
] as const) {
  test(`“${question}” finds “${text}”`, () => assert.ok(finds(question, text)));
}

for (const [question, text] of [
  ['京都', '東京都に住んでいます'],
  ['中国', '发展中国家的经济'],
  ['Eis', 'eine lange Reise'],
  ['cat', 'a dog'],
  ['red apple', 'a red car'],
] as const) {
  test(`“${question}” does not find “${text}”`, () => assert.ok(!finds(question, text)));
}

test('what a question contains cannot change the query', () => {
  const terms = [{ text: '', folded: "a'\\ | b:*", isPrefix: false, isPart: false }];
  assert.equal(tsQueryOf(terms, 36), "'10:a''\\\\ | b:*'");
});

test('a question without words looks for nothing', () => {
  assert.deepEqual(searchTermsOf(' ?! '), []);
});

test('a long text has a bounded number of lexemes', () => {
  assert.ok(lexemesOf(Array.from({ length: 60_000 }, (_, i) => `w${i}`).join(' ')).length <= 2_000);
});
