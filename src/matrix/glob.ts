/** Owns glob patterns, matched in time that grows with the text alone, whatever the pattern. */

/** Whether the text matches the pattern. */
export type Glob = (text: string) => boolean;

export type GlobOptions = {
  /** Compares in lower case. */
  readonly ignoreCase?: boolean;
  /**
   * `whole` (the default) must match all of the text; `words` any part of it that starts and ends at a word boundary,
   * which is an end of the text or any character but `[A-Za-z0-9_]`.
   */
  readonly extent?: 'whole' | 'words';
  /** Stars and question marks stand for themselves. */
  readonly isLiteral?: boolean;
};

/** A longer pattern matches nothing, so that a stranger's pattern has a bounded cost. */
const PATTERN_LENGTH_MAX = 1024;
const WORD_BITS = 32;

/**
 * The pattern as a non-deterministic automaton whose states are bits: state n is "n characters of the pattern are
 * matched", a star lets its state stay. All states step at once, 32 to a word, so there is no backtracking.
 */
type Automaton = {
  readonly words: number;
  /** The state that means a match. */
  readonly final: number;
  /** For each character of the pattern, the states that it leads to; others lead to those of `anyCharacter`. */
  readonly byCharacter: ReadonlyMap<string, Uint32Array>;
  readonly anyCharacter: Uint32Array;
  /** The states that a star stands at. */
  readonly staying: Uint32Array;
};

/**
 * A glob where `*` is any number of characters, none included, and `?` is exactly one (a Unicode code point).
 * Specification: Appendices, "Glob-style matching"; Client-Server API, "Push Rules", `event_match`.
 */
export function compileGlob(pattern: string, options: GlobOptions = {}): Glob {
  const { ignoreCase = false, extent = 'whole', isLiteral = false } = options;
  if (pattern.length > PATTERN_LENGTH_MAX) return () => false;
  const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
  const folded = fold(pattern);
  if (extent === 'whole' && (isLiteral || !/[*?]/.test(folded))) return (text) => fold(text) === folded;
  const automaton = automatonOf(folded, isLiteral);
  if (extent === 'whole') return (text) => matchesWhole(automaton, fold(text));
  return (text) => matchesWords(automaton, fold(text));
}

function automatonOf(pattern: string, isLiteral: boolean): Automaton {
  // There is one state more than characters; surrogate pairs and stars leave some unused.
  const words = Math.floor(pattern.length / WORD_BITS) + 1;
  const anyCharacter = new Uint32Array(words);
  const staying = new Uint32Array(words);
  const byCharacter = new Map<string, Uint32Array>();
  let state = 0;
  for (const character of pattern) {
    if (character === '*' && !isLiteral) {
      setBit(staying, state);
      continue;
    }
    state += 1;
    if (character === '?' && !isLiteral) setBit(anyCharacter, state);
    else setBit(getOrInsert(byCharacter, character, words), state);
  }
  for (const states of byCharacter.values()) {
    for (let word = 0; word < words; word++) states[word]! |= anyCharacter[word]!;
  }
  return { words, final: state, byCharacter, anyCharacter, staying };
}

function matchesWhole(automaton: Automaton, text: string): boolean {
  const states = new Uint32Array(automaton.words);
  setBit(states, 0);
  for (const character of text) step(automaton, states, character);
  return hasBit(states, automaton.final);
}

/** A word boundary stands before and after every character that is not of a word, and at the ends of the text. */
function matchesWords(automaton: Automaton, text: string): boolean {
  const states = new Uint32Array(automaton.words);
  let previousIsWord = false;
  for (const character of text) {
    const isWord = /\w/.test(character);
    if (!previousIsWord || !isWord) {
      setBit(states, 0);
      if (hasBit(states, automaton.final)) return true;
    }
    step(automaton, states, character);
    previousIsWord = isWord;
  }
  setBit(states, 0);
  return hasBit(states, automaton.final);
}

/** Every state steps by one character: to the next one if the pattern allows it, and to itself where a star stands. */
function step(automaton: Automaton, states: Uint32Array, character: string): void {
  const { words, staying } = automaton;
  const reachable = automaton.byCharacter.get(character) ?? automaton.anyCharacter;
  let carry = 0;
  for (let word = 0; word < words; word++) {
    const before = states[word]!;
    states[word] = (((before << 1) | carry) & reachable[word]!) | (before & staying[word]!);
    carry = before >>> (WORD_BITS - 1);
  }
}

function setBit(bits: Uint32Array, index: number): void {
  bits[index >>> 5]! |= 1 << (index & 31);
}

function hasBit(bits: Uint32Array, index: number): boolean {
  return ((bits[index >>> 5]! >>> (index & 31)) & 1) === 1;
}

function getOrInsert(map: Map<string, Uint32Array>, key: string, words: number): Uint32Array {
  const found = map.get(key) ?? new Uint32Array(words);
  map.set(key, found);
  return found;
}
