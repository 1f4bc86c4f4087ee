/** Owns the proof that a response is read the same however the socket cuts it into pieces. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type HttpResponse, ResponseReader } from '#test/bench/response-reader.ts';

function readInPieces(reader: ResponseReader, bytes: Buffer, cuts: readonly number[]): HttpResponse | undefined {
  const places = [...new Set(cuts.map((cut) => cut % bytes.length)), bytes.length].toSorted((a, b) => a - b);
  let response: HttpResponse | undefined;
  let start = 0;
  for (const end of places) {
    if (end === start) continue;
    assert.equal(response, undefined, 'complete before its last byte');
    response = reader.push(bytes.subarray(start, end));
    start = end;
  }
  return response;
}

function inChunks(body: string, size: number): string {
  const bytes = Buffer.from(body);
  let text = '';
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = bytes.subarray(at, at + size);
    text += `${chunk.length.toString(16)}\r\n${chunk.toString('latin1')}\r\n`;
  }
  return `${text}0\r\n\r\n`;
}

const cuts = fc.array(fc.nat(), { maxLength: 12 });
const bodies = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.constant('a0\r\n\r\n'), fc.constant(''));

test('a body with a length survives any cutting, one response after another', () => {
  const reader = new ResponseReader();
  fc.assert(
    fc.property(bodies, cuts, (body, at) => {
      const head = `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\nX-Other: 1\r\n\r\n`;
      const response = readInPieces(reader, Buffer.from(head + body), at);
      assert.deepEqual(response, { status: 200, body, reusable: true });
    }),
  );
});

test('a body in chunks survives any cutting, one response after another', () => {
  const reader = new ResponseReader();
  fc.assert(
    fc.property(bodies, cuts, fc.integer({ min: 1, max: 20 }), (body, at, size) => {
      const head = 'HTTP/1.1 404 Not Found\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n';
      const response = readInPieces(reader, Buffer.from(head + inChunks(body, size), 'latin1'), at);
      assert.deepEqual(response, { status: 404, body, reusable: false });
    }),
  );
});

test('what is not a whole HTTP/1.1 response is an error, not a wrong number', () => {
  assert.throws(() => new ResponseReader().push(Buffer.from('HTTP/1.0 200 OK\r\n\r\n')), /unexpected start/);
  assert.throws(() => new ResponseReader().push(Buffer.from('HTTP/1.1 200 OK\r\n\r\n{}')), /neither Content-Length/);
  const tooLong = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}!');
  assert.throws(() => new ResponseReader().push(tooLong), /after the end/);
});
