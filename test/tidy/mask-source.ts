/** Owns telling code, comments and string literals of a TypeScript file apart, without a parser. */

export type Literal = { readonly text: string; readonly offset: number };

export type MaskedSource = {
  /** The file with the contents of comments, strings and regular expressions blanked; every offset stays. */
  readonly code: string;
  /** The contents of all string and template literals; what a template puts in is one space. */
  readonly literals: readonly Literal[];
};

const regexMayFollow = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|void|await|yield|else))\s*$/;

class Masker {
  readonly #text: string;
  readonly #code: string[];
  readonly #literals: Literal[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#code = text.split('');
  }

  run(): MaskedSource {
    this.#scanCode(false);
    return { code: this.#code.join(''), literals: this.#literals };
  }

  /** Scans code to the end of the file, or to the brace that closes a template's `${`. */
  #scanCode(inTemplate: boolean): void {
    let depth = 0;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at];
      const pair = this.#text.slice(this.#at, this.#at + 2);
      if (pair === '//') this.#blankTo(this.#find('\n', this.#at));
      else if (pair === '/*') this.#blankTo(this.#find('*/', this.#at + 2) + 2);
      else if (char === "'" || char === '"') this.#scanString(char);
      else if (char === '`') this.#scanTemplate();
      else if (char === '/' && this.#isRegex()) this.#scanRegex();
      else {
        if (char === '{') depth += 1;
        if (char === '}' && inTemplate && depth === 0) return;
        if (char === '}') depth -= 1;
        this.#at += 1;
      }
    }
  }

  #scanString(quote: string): void {
    const start = this.#at + 1;
    let end = start;
    while (end < this.#text.length && this.#text[end] !== quote && this.#text[end] !== '\n') {
      end += this.#text[end] === '\\' ? 2 : 1;
    }
    this.#literals.push({ text: this.#text.slice(start, end), offset: start });
    this.#at = start;
    this.#blankTo(end);
    this.#at = end + 1;
  }

  #scanTemplate(): void {
    const offset = this.#at + 1;
    let content = '';
    this.#at = offset;
    while (this.#at < this.#text.length && this.#text[this.#at] !== '`') {
      if (this.#text.startsWith('${', this.#at)) {
        content += ' ';
        this.#at += 2;
        this.#scanCode(true);
        this.#at += 1;
        continue;
      }
      const length = this.#text[this.#at] === '\\' ? 2 : 1;
      content += this.#text.slice(this.#at, this.#at + length);
      this.#blankTo(this.#at + length);
    }
    this.#at += 1;
    this.#literals.push({ text: content, offset });
  }

  #scanRegex(): void {
    let end = this.#at + 1;
    let inClass = false;
    while (end < this.#text.length && this.#text[end] !== '\n' && (inClass || this.#text[end] !== '/')) {
      if (this.#text[end] === '[') inClass = true;
      if (this.#text[end] === ']') inClass = false;
      end += this.#text[end] === '\\' ? 2 : 1;
    }
    this.#at += 1;
    this.#blankTo(end);
    this.#at = end + 1;
  }

  #isRegex(): boolean {
    return regexMayFollow.test(this.#code.slice(Math.max(0, this.#at - 40), this.#at).join(''));
  }

  #find(what: string, from: number): number {
    const found = this.#text.indexOf(what, from);
    return found === -1 ? this.#text.length : found;
  }

  /** Moves to `end`; what is passed becomes spaces, and lines stay lines. */
  #blankTo(end: number): void {
    for (; this.#at < Math.min(end, this.#text.length); this.#at += 1) {
      if (this.#text[this.#at] !== '\n') this.#code[this.#at] = ' ';
    }
    this.#at = end;
  }
}

/** Splits a file into code and literals. */
export function maskSource(text: string): MaskedSource {
  return new Masker(text).run();
}
