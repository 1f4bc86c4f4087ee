/** Owns cutting text into the words by which it is found, in any script. */

const segmenter = new Intl.Segmenter('en', { granularity: 'word' });

/** Text beyond this length is not searched. */
const TEXT_LENGTH_MAX = 16_384;
const WORD_LENGTH_MAX = 64;
/** Most words of most texts: nothing in them is composed, and they have no parts. */
const plainWord = /^[A-Za-z0-9]+$/;

/** A word as it is compared, and as it stands in the text. */
export type Word = { readonly folded: string; readonly text: string };

/**
 * The words of a text in their order. Scripts without spaces are cut by a dictionary; what is written together with
 * punctuation, such as `example.com`, gives its parts too.
 */
export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (const { segment, isWordLike } of segmenter.segment(text.slice(0, TEXT_LENGTH_MAX).normalize('NFKC'))) {
    if (isWordLike !== true) continue;
    words.push({ folded: foldWord(segment), text: segment });
    if (plainWord.test(segment)) continue;
    const parts = segment.split(/[^\p{L}\p{M}\p{N}]+/u).filter((part) => part !== '');
    if (parts.length > 1) for (const part of parts) words.push({ folded: foldWord(part), text: part });
  }
  return words;
}

/** Small letters, `ss` for `ß`, and Latin letters without accents. */
export function foldWord(word: string): string {
  if (plainWord.test(word)) return word.toLowerCase().slice(0, WORD_LENGTH_MAX);
  const plain = word
    .toLowerCase()
    .normalize('NFKD')
    .replaceAll(/(\p{Script=Latin})\p{M}+/gu, '$1')
    .normalize('NFKC');
  return plain.replaceAll(/[ßłøđæœı]/g, (letter) => plainLetters.get(letter) ?? letter).slice(0, WORD_LENGTH_MAX);
}

/** Letters that are not composed of a plain one and a mark, though people type them so. */
const plainLetters: ReadonlyMap<string, string> = new Map([
  ['ß', 'ss'],
  ['ł', 'l'],
  ['ø', 'o'],
  ['đ', 'd'],
  ['æ', 'ae'],
  ['œ', 'oe'],
  ['ı', 'i'],
]);
