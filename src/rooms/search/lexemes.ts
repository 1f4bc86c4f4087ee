/** Owns what of a text is put into the index, and what of a question is looked up there. */
import { wordsOf, type Word } from '#core/words.ts';

/** How much of a word must be left for the rest of it to be found by itself, and how much of one a search must give. */
type Script = { readonly pattern: RegExp; readonly partMin: number; readonly prefixMin: number };

// Compounds of alphabets, words with particles in Korean, and words of which a dictionary makes one.
const scripts: readonly Script[] = [
  { pattern: /^\p{Script=Hangul}/u, partMin: 3, prefixMin: 1 },
  { pattern: /^\p{Script=Han}/u, partMin: 2, prefixMin: 2 },
  { pattern: /^[\p{Script=Hiragana}\p{Script=Katakana}ー]/u, partMin: 3, prefixMin: 2 },
  { pattern: /^[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u, partMin: 3, prefixMin: 3 },
];
const alphabets: Script = { pattern: /^/, partMin: 4, prefixMin: 3 };
const scriptOf = (word: string): Script => scripts.find(({ pattern }) => pattern.test(word)) ?? alphabets;

/** Particles that follow Korean nouns, the longest first: a search with one finds the noun with any other. */
const koreanParticle =
  /(?<=^\p{Script=Hangul}{2,})(?:에서는|에게서|으로는|이라는|에서|에게|까지|부터|으로|하고|처럼|보다|은|는|이|가|을|를|에|의|도|로|와|과|만)$/u;

/** What follows the first characters of Japanese verbs and adjectives, and changes with their form. */
const japaneseEnding = /(?<=\p{Script=Han})\p{Script=Hiragana}+$/u;

const PARTS_OF_WORD_MAX = 32;
const LEXEMES_MAX = 2_000;

/**
 * Each word once, after a colon, and after a hyphen what is left of it from some place within: `:haustür` and `-stür`,
 * `-tür`, so that a prefix finds any part of a compound.
 */
export function lexemesOf(text: string): string[] {
  const lexemes = new Set<string>();
  for (const { folded } of wordsOf(text)) {
    if (lexemes.size >= LEXEMES_MAX) break;
    lexemes.add(`:${folded}`);
    for (const part of partsOf(folded)) lexemes.add(`-${part}`);
  }
  return [...lexemes].slice(0, LEXEMES_MAX);
}

function partsOf(word: string): string[] {
  const { partMin } = scriptOf(word);
  const characters = Array.from(word);
  const parts: string[] = [];
  for (let at = 1; at <= characters.length - partMin && parts.length < PARTS_OF_WORD_MAX; at++) {
    // A mark belongs to the character before it.
    if (!/^\p{M}/u.test(characters[at] ?? '')) parts.push(characters.slice(at).join(''));
  }
  return parts;
}

/** One word of a question. */
export type SearchTerm = {
  readonly text: string;
  readonly folded: string;
  /** Longer words that begin with it are meant too. */
  readonly isPrefix: boolean;
  /** Compounds that have it within are meant too. */
  readonly isPart: boolean;
};

const TERMS_MAX = 32;
const kana = /^[\p{Script=Hiragana}ー]$/u;

/** What an event must have, all of it. Empty if the question has no word. */
export function searchTermsOf(question: string): SearchTerm[] {
  const words = wordsOf(question).filter(({ text }, _, all) => !hasParts(text) || all.length === 1);
  // Single syllables are what Japanese puts after words: they say how a word is used, not which.
  const content = words.filter(({ folded }) => !kana.test(folded));
  return (content.length > 0 ? content : words).slice(0, TERMS_MAX).map(termOf);
}

/** Whether the word is followed by its parts, by which it is looked for. */
function hasParts(text: string): boolean {
  return /[\p{L}\p{N}][^\p{L}\p{M}\p{N}]+[\p{L}\p{N}]/u.test(text);
}

function termOf({ folded, text }: Word): SearchTerm {
  const stem = folded.replace(koreanParticle, '').replace(japaneseEnding, '');
  const { partMin, prefixMin } = scriptOf(stem);
  const length = Array.from(stem).length;
  return { text, folded: stem, isPrefix: length >= prefixMin || stem !== folded, isPart: length >= partMin };
}

/** The question as PostgreSQL reads it, within one room: the index has the room in front of each lexeme. */
export function tsQueryOf(terms: readonly SearchTerm[], roomNid: number): string {
  return terms
    .map(({ folded, isPrefix, isPart }) => {
      const whole = quoted(roomLexeme(roomNid, `:${folded}`)) + (isPrefix ? ':*' : '');
      return isPart ? `(${whole} | ${quoted(roomLexeme(roomNid, `-${folded}`))}:*)` : whole;
    })
    .join(' & ');
}

/** So that a search costs what the user's rooms hold, however much the server does. */
export function roomLexeme(roomNid: number, lexeme: string): string {
  return roomNid.toString(36) + lexeme;
}

function quoted(lexeme: string): string {
  return `'${lexeme.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
