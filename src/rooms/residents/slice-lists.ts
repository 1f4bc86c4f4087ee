/** Owns cutting a large JSON answer into the events of its lists, without parsing it as a whole and without long turns. */
import { nextTurn } from '#core/pieces.ts';
import { BadAnswerError } from '#rooms/residents/ask-servers.ts';

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** No event is as long, whatever white space and escapes it comes with. */
const ELEMENT_BYTES_MAX = 1_000_000;
/** After so many bytes others have their turn. */
const BYTES_AT_ONCE = 1_000_000;

export type SlicedAnswer = {
  /** The elements of each list asked for, in the order of the answer. */
  readonly lists: ReadonlyMap<string, readonly Buffer[]>;
  /** The other members, each as JSON text. */
  readonly others: ReadonlyMap<string, Buffer>;
};

/**
 * Slices share the memory of the answer, and each is to be parsed by whoever uses it: that it is JSON is not said. Throws a
 * BadAnswerError for what is no object, and for a piece that is longer than any event.
 */
export async function sliceLists(bytes: Buffer, names: ReadonlySet<string>): Promise<SlicedAnswer> {
  const lists = new Map<string, readonly Buffer[]>();
  const others = new Map<string, Buffer>();
  let at = expect(bytes, skipSpace(bytes, 0), OPEN_OBJECT);
  at = skipSpace(bytes, at);
  while (bytes[at] !== CLOSE_OBJECT) {
    const keyEnd = endOfString(bytes, at);
    const key = keyOf(bytes.subarray(at, keyEnd));
    at = skipSpace(bytes, expect(bytes, skipSpace(bytes, keyEnd), COLON));
    if (names.has(key) && bytes[at] === OPEN_LIST) {
      const { elements, end } = await sliceElements(bytes, at);
      lists.set(key, elements);
      at = end;
    } else {
      const end = endOfValue(bytes, at);
      others.set(key, bytes.subarray(at, end));
      at = end;
    }
    at = skipSpace(bytes, at);
    if (bytes[at] !== COMMA) break;
    at = skipSpace(bytes, at + 1);
  }
  expect(bytes, at, CLOSE_OBJECT);
  return { lists, others };
}

async function sliceElements(bytes: Buffer, start: number): Promise<{ elements: Buffer[]; end: number }> {
  const elements: Buffer[] = [];
  let turn = start;
  let at = skipSpace(bytes, start + 1);
  while (bytes[at] !== CLOSE_LIST) {
    const end = endOfValue(bytes, at);
    elements.push(bytes.subarray(at, end));
    at = skipSpace(bytes, end);
    if (at - turn > BYTES_AT_ONCE) {
      turn = at;
      await nextTurn();
    }
    if (bytes[at] !== COMMA) break;
    at = skipSpace(bytes, at + 1);
  }
  return { elements, end: expect(bytes, at, CLOSE_LIST) };
}

function keyOf(quoted: Buffer): string {
  try {
    return String(JSON.parse(quoted.toString()));
  } catch (error) {
    throw new BadAnswerError('It answered with what is no JSON.', { cause: error });
  }
}

/** Just after this byte, which must be there. */
function expect(bytes: Buffer, at: number, byte: number): number {
  if (bytes[at] !== byte) throw new BadAnswerError('It answered with what is no JSON object.');
  return at + 1;
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}

/** Just after the value that starts here. */
function endOfValue(bytes: Buffer, start: number): number {
  let at = start;
  let depth = 0;
  do {
    const byte = bytes[at];
    if (byte === undefined || at - start > ELEMENT_BYTES_MAX) {
      throw new BadAnswerError('It answered with an event that does not end.');
    }
    if (byte === QUOTE) {
      at = endOfString(bytes, at);
      continue;
    }
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) depth--;
    at++;
  } while (depth > 0 || (depth === 0 && isInScalar(bytes, start, at)));
  return depth < 0 ? at - 1 : at;
}

/** Whether a number, `true`, `false` or `null` that began at `start` goes on here. */
function isInScalar(bytes: Buffer, start: number, at: number): boolean {
  const first = bytes[start];
  if (first === QUOTE || first === OPEN_OBJECT || first === OPEN_LIST) return false;
  const byte = bytes[at];
  return byte !== undefined && byte > 0x20 && byte !== COMMA && byte !== CLOSE_LIST && byte !== CLOSE_OBJECT;
}

/** Just after the closing quote of the string whose opening quote is here. */
function endOfString(bytes: Buffer, start: number): number {
  expect(bytes, start, QUOTE);
  let quote = bytes.indexOf(QUOTE, start + 1);
  while (quote !== -1) {
    let before = quote - 1;
    while (bytes[before] === BACKSLASH) before--;
    // An even number of backslashes are escapes of each other, not of the quote.
    if ((quote - before) % 2 === 1) return quote + 1;
    quote = bytes.indexOf(QUOTE, quote + 1);
  }
  throw new BadAnswerError('It answered with a string that does not end.');
}
