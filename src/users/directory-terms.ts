/** Owns the words by which a user is found in the directory, and what a search makes of what somebody typed. */
import { foldWord, wordsOf } from '#core/words.ts';

const TERMS_PER_USER_MAX = 40;
const TERMS_PER_SEARCH_MAX = 8;

/** The words of a user's localpart and display name, each once; without regard to case and accents. */
export function buildDirectoryTerms(localpart: string, displayname: string | null): string[] {
  return termsOf(`${localpart} ${displayname ?? ''}`).slice(0, TERMS_PER_USER_MAX);
}

/** The beginnings of words that a user must have, all of them. A whole user id stands for its localpart. */
export function buildSearchTerms(searchTerm: string): string[] {
  const typed = searchTerm.trim();
  const name = typed.startsWith('@') ? typed.slice(1).split(':', 1)[0] : typed;
  return termsOf(name ?? '').slice(0, TERMS_PER_SEARCH_MAX);
}

// A word as the dictionary cuts it, and what punctuation parts: half a word is not in a dictionary, but begins a part.
function termsOf(text: string): string[] {
  const parts = text.split(/[^\p{L}\p{M}\p{N}]+/u).filter((part) => part !== '');
  const terms = [...parts.map(foldWord), ...wordsOf(text).map(({ folded }) => folded)];
  return [...new Set(terms.flatMap((term) => term.split(/[^\p{L}\p{M}\p{N}]+/u)))].filter((term) => term !== '');
}
