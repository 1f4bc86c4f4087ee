/** Owns PostgreSQL's binary form of arrays, which costs half of what its text form does. */

const oids = { int2: 21, int4: 23, int8: 20, text: 25, bytea: 17 } as const;
export type ElementType = keyof typeof oids;
type Element = number | string | Buffer | null;

const headerBytes = 20;
const widths = { int2: 2, int4: 4, int8: 8 } as const;

/**
 * One-dimensional, lower bound 1. `pg` sends a Buffer as a binary parameter, and the function's declaration says which
 * array it is.
 */
export function binaryArray(type: ElementType, elements: readonly Element[]): Buffer {
  if (elements.length === 0) return header(Buffer.allocUnsafe(12), type, elements);
  const bytes = Buffer.allocUnsafe(headerBytes + sizeOf(type, elements));
  header(bytes, type, elements);
  let at = headerBytes;
  for (const element of elements) {
    if (element === null) {
      at = bytes.writeInt32BE(-1, at);
    } else if (typeof element === 'number') {
      at = writeNumber(bytes, type, element, at);
    } else if (typeof element === 'string') {
      const written = bytes.write(element, at + 4);
      bytes.writeInt32BE(written, at);
      at += 4 + written;
    } else {
      at = bytes.writeInt32BE(element.length, at);
      at += element.copy(bytes, at);
    }
  }
  return bytes;
}

function header(bytes: Buffer, type: ElementType, elements: readonly Element[]): Buffer {
  bytes.writeInt32BE(elements.length === 0 ? 0 : 1, 0);
  bytes.writeInt32BE(elements.includes(null) ? 1 : 0, 4);
  bytes.writeInt32BE(oids[type], 8);
  if (elements.length > 0) {
    bytes.writeInt32BE(elements.length, 12);
    bytes.writeInt32BE(1, 16);
  }
  return bytes;
}

function sizeOf(type: ElementType, elements: readonly Element[]): number {
  let size = 4 * elements.length;
  for (const element of elements) {
    if (element === null) continue;
    size +=
      typeof element === 'string'
        ? Buffer.byteLength(element)
        : typeof element === 'number'
          ? widthOf(type)
          : element.length;
  }
  return size;
}

function widthOf(type: ElementType): number {
  if (type === 'text' || type === 'bytea') throw new TypeError(`A number cannot be an element of ${type}[].`);
  return widths[type];
}

function writeNumber(bytes: Buffer, type: ElementType, element: number, at: number): number {
  const width = widthOf(type);
  bytes.writeInt32BE(width, at);
  if (width === 2) return bytes.writeInt16BE(element, at + 4);
  if (width === 4) return bytes.writeInt32BE(element, at + 4);
  // Two halves: BigInt would allocate for each.
  bytes.writeInt32BE(Math.floor(element / 0x1_0000_0000), at + 4);
  return bytes.writeUInt32BE(
    element % 0x1_0000_0000 < 0 ? (element % 0x1_0000_0000) + 0x1_0000_0000 : element % 0x1_0000_0000,
    at + 8,
  );
}
