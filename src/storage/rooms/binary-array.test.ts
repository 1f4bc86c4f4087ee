import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { binaryArray, type ElementType } from '#storage/rooms/binary-array.ts';

/** Reads the form that PostgreSQL documents in `array_recv`, without looking at the code under test. */
function read(bytes: Buffer): { oid: number; hasNull: boolean; elements: (Buffer | null)[] } {
  const dimensions = bytes.readInt32BE(0);
  const hasNull = bytes.readInt32BE(4) === 1;
  const oid = bytes.readInt32BE(8);
  const elements: (Buffer | null)[] = [];
  let at = 12;
  if (dimensions === 1) {
    const count = bytes.readInt32BE(12);
    assert.equal(bytes.readInt32BE(16), 1);
    at = 20;
    for (let index = 0; index < count; index++) {
      const length = bytes.readInt32BE(at);
      at += 4;
      elements.push(length === -1 ? null : bytes.subarray(at, at + length));
      at += Math.max(0, length);
    }
  }
  assert.equal(at, bytes.length, 'no byte is left over');
  return { oid, hasNull, elements };
}

test('an empty array has no dimension', () => {
  for (const type of ['int2', 'int4', 'int8', 'text', 'bytea'] satisfies ElementType[]) {
    const bytes = binaryArray(type, []);
    assert.equal(bytes.length, 12);
    assert.equal(bytes.readInt32BE(0), 0);
    assert.deepEqual(read(bytes).elements, []);
  }
});

test('the bytes of a small array are exactly these', () => {
  assert.equal(
    binaryArray('int8', [1, null, -1]).toString('hex'),
    '00000001' +
      '00000001' +
      '00000014' +
      '00000003' +
      '00000001' +
      '00000008' +
      '0000000000000001' +
      'ffffffff' +
      '00000008' +
      'ffffffffffffffff',
  );
});

test('every whole number that a double holds survives as int8', () => {
  const edges = [0, -0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32), 2 ** 32 - 1, 1 - 2 ** 32, -(2 ** 32) - 1];
  const integer = fc.oneof(
    fc.maxSafeInteger(),
    fc.constantFrom(...edges, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER),
  );
  fc.assert(
    fc.property(fc.array(fc.option(integer)), (values) => {
      const { oid, hasNull, elements } = read(binaryArray('int8', values));
      assert.equal(oid, 20);
      assert.equal(hasNull, values.includes(null));
      assert.deepEqual(
        elements.map((element) => element?.readBigInt64BE(0) ?? null),
        values.map((value) => (value === null ? null : BigInt(value))),
      );
    }),
  );
});

test('int2 and int4 survive, and a number that does not fit is refused', () => {
  const both = fc.tuple(fc.array(fc.integer({ min: -32_768, max: 32_767 })), fc.array(fc.integer()));
  fc.assert(
    fc.property(both, ([small, large]) => {
      const shorts = read(binaryArray('int2', small));
      const longs = read(binaryArray('int4', large));
      assert.deepEqual([shorts.oid, longs.oid], [21, 23]);
      assert.deepEqual(
        shorts.elements.map((element) => element?.readInt16BE(0)),
        small,
      );
      assert.deepEqual(
        longs.elements.map((element) => element?.readInt32BE(0)),
        large,
      );
    }),
  );
  assert.throws(() => binaryArray('int2', [32_768]), RangeError);
  assert.throws(() => binaryArray('int4', [2 ** 31]), RangeError);
  assert.throws(() => binaryArray('text', [1]), TypeError);
});

test('text is UTF-8, lone surrogates become the replacement character', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.string({ unit: 'binary' }))), (values) => {
      const { oid, elements } = read(binaryArray('text', values));
      assert.equal(oid, 25);
      assert.deepEqual(
        elements.map((element) => element?.toString('utf8') ?? null),
        values,
      );
    }),
  );
  assert.deepEqual(read(binaryArray('text', ['a\ud800b'])).elements, [Buffer.from('a\u{FFFD}b')]);
});

test('bytea is copied as it is', () => {
  const bytes = fc.uint8Array().map((each) => Buffer.from(each));
  fc.assert(
    fc.property(fc.array(fc.option(bytes)), (values) => {
      const { oid, elements } = read(binaryArray('bytea', values));
      assert.equal(oid, 17);
      assert.deepEqual(elements, values);
    }),
  );
});
