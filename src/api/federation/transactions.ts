/** Owns the endpoint by which other servers send what happens in the rooms that they share with this one. */
import { Type } from 'typebox';
import { takeEdus } from '#api/federation/edus.ts';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { sliceElements, sliceMembers } from '#matrix/json-slices.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonValue } from '#matrix/pdu.ts';

const PDUS_MAX = 50;
const EDUS_MAX = 100;
const TXN_ID_BYTES_MAX = 255;

export const sendTransaction = endpoint({
  operation: 'federation.sendTransaction',
  method: 'PUT',
  path: '/_matrix/federation/v1/send/{txnId}',
  auth: 'server',
  rateLimit: 'none',
  bodyRequired: true,
  body: Type.Object({
    origin: Type.Optional(Type.String()),
    pdus: Type.Optional(Type.Array(Type.Unsafe<JsonValue>({}), { maxItems: PDUS_MAX })),
    edus: Type.Optional(Type.Array(Type.Unsafe<JsonValue>({}), { maxItems: EDUS_MAX })),
  }),
  spec: 'Server-Server API, Transactions',
  handler: async (context: Context, { params: { txnId }, body, bodyText, principal: { origin } }) => {
    if (body.origin !== undefined && body.origin !== origin) {
      throw new MatrixError('M_UNAUTHORIZED', 'The origin in the body is not the server that has signed the request.');
    }
    if (txnId.includes('\0') || Buffer.byteLength(txnId) > TXN_ID_BYTES_MAX) {
      throw new MatrixError(
        'M_INVALID_PARAM',
        `A transaction id has at most ${TXN_ID_BYTES_MAX} bytes, and no U+0000.`,
      );
    }
    // Each event is judged on its own bytes: parsed numbers do not tell how they were written.
    const texts = sliceElements(sliceMembers(bodyText).get('pdus') ?? '[]');
    const pdus = (body.pdus ?? []).map((pdu, index) => ({
      text: texts[index] ?? '',
      roomId: isJsonObject(pdu) && typeof pdu['room_id'] === 'string' ? pdu['room_id'] : undefined,
    }));
    const edus = body.edus ?? [];
    const takeAll = (): Promise<void> => takeEdus(context, origin, edus);
    return rawJson(await context.receiver.receive({ origin, txnId, pdus, takeEdus: takeAll }));
  },
});
