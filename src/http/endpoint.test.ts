import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { endpoint, type Endpoint, jsonObject } from '#http/endpoint.ts';

type Config = { readonly name: string };

test('a row types its handler: parameters, query, body and principal', () => {
  const rows: Endpoint<Config>[] = [
    endpoint({
      operation: 'client.exampleOne',
      method: 'PUT',
      path: '/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}',
      auth: 'user',
      rateLimit: 'send',
      query: Type.Object({ ts: Type.Optional(Type.Integer()) }),
      body: jsonObject,
      spec: 'example',
      handler: async (context: Config, { params, query, body, principal }) => {
        const ts: number | undefined = query.ts;
        const content: Record<string, unknown> = body;
        const userId: string = principal.userId;
        // @ts-expect-error: the template has no such parameter.
        const absent: unknown = params.eventId;
        return { room: params.roomId, txn: params.txnId, ts, content, userId, absent, name: context.name };
      },
    }),
    endpoint({
      operation: 'client.exampleTwo',
      method: 'GET',
      path: '/_matrix/client/versions',
      auth: 'optionalUser',
      rateLimit: 'none',
      spec: 'example',
      // @ts-expect-error: an optional principal may be absent.
      handler: async (_context, { principal, body }) => ({ user: principal.userId, nothing: body === undefined }),
    }),
    endpoint({
      operation: 'client.exampleThree',
      method: 'GET',
      path: '/_matrix/client/three',
      // @ts-expect-error: a kind of authentication that nothing enforces does not compile.
      auth: 'operator',
      rateLimit: 'none',
      spec: 'example',
      handler: async () => ({}),
    }),
  ];
  assert.equal(rows.length, 3);
});
